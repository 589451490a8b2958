"""One file per check of tools/tidy; each has check(tree) -> list of tree.Finding."""
