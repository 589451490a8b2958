"""Writes switchyard/types.py from the API's description, and switchyard/aio.py from client.py. `--check`: only says
whether they are up to date."""
import json
import keyword
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parent / "src" / "switchyard"
DESCRIPTION = HERE.parent.parent.parent / "docs" / "openapi.json"


def python_type(schema):
    if "$ref" in schema:
        return f'"{schema["$ref"].rsplit("/", 1)[-1]}"'
    kind = schema.get("type")
    if kind == "array":
        return f"List[{python_type(schema.get('items', {}))}]"
    if kind == "object":
        extra = schema.get("additionalProperties")
        inner = python_type(extra) if isinstance(extra, dict) and extra else "Any"
        return f"Dict[str, {inner}]"
    return {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}.get(kind, "Any")


def typed_dict(name, schema):
    required = set(schema.get("required", []))
    members = {n: python_type(s) for n, s in schema.get("properties", {}).items()}
    always = {n: t for n, t in members.items() if n in required}
    sometimes = {n: t for n, t in members.items() if n not in required}
    documentation = schema.get("description", "")
    if any(keyword.iskeyword(n) or not n.isidentifier() for n in members):
        body = ", ".join(f'"{n}": {t}' for n, t in members.items())
        return f"{name} = TypedDict(\"{name}\", {{{body}}}, total=False)\n"
    text, base = "", "TypedDict"
    if always and sometimes:
        base = f"_{name}"
        text += f"class {base}(TypedDict):\n" + "".join(f"    {n}: {t}\n" for n, t in always.items()) + "\n\n"
        always = {}
    total = "" if not sometimes else ", total=False"
    text += f"class {name}({base}{total}):\n"
    if documentation:
        text += f'    """{documentation}"""\n\n'
    body = "".join(f"    {n}: {t}\n" for n, t in (sometimes or always).items())
    return text + (body or ("" if documentation else "    pass\n"))


def types():
    schemas = json.loads(DESCRIPTION.read_text())["components"]["schemas"]
    parts = ['"""The API\'s values. Made by tools/generate.py from docs/openapi.json."""\n'
             "from __future__ import annotations\n\nfrom typing import Any, Dict, List, TypedDict\n"]
    for name in sorted(schemas):
        if schemas[name].get("type") == "array":
            parts.append(f"{name} = {python_type(schemas[name])}\n")
        elif "properties" in schemas[name]:
            parts.append(typed_dict(name, schemas[name]))
    return "\n\n".join(parts)


def aio():
    text = (PACKAGE / "client.py").read_text()
    text = text.replace('"""The client."""', '"""The client for asyncio. Made by tools/generate.py from client.py."""')
    text = text.replace("class Client:", "class AsyncClient:").replace('"Client"', '"AsyncClient"')
    text = text.replace("from ._sync import Caller", "from ._async import Caller")
    text = text.replace("Iterator[", "AsyncIterator[").replace("import Any, Dict, Iterator,", "import Any, AsyncIterator, Dict,")
    text = text.replace("__enter__", "__aenter__").replace("__exit__", "__aexit__").replace("def close(", "def aclose(")
    text = text.replace("self.close()", "await self.aclose()")
    text = re.sub(r"    def (?!__init__)(\w+)\(", r"    async def \1(", text)
    text = text.replace("self._call(", "await self._call(").replace("self._caller.", "await self._caller.")
    text = re.sub(r"= self\.(\w+)\(", r"= await self.\1(", text)
    return text


def main():
    stale = []
    for name, made in (("types.py", types()), ("aio.py", aio())):
        path = PACKAGE / name
        if path.exists() and path.read_text() == made:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(made)
    if stale and "--check" in sys.argv:
        sys.exit(f"{', '.join(stale)} not up to date: run sdk/python/tools/generate.py")


if __name__ == "__main__":
    main()
