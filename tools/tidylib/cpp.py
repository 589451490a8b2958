"""Just enough C++: blanks comments and literals, and finds function bodies by their braces."""
import dataclasses
import re

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\\ \n]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-zA-Z_])\'(?:\\.|[^\'\\\n])*\'',
    re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE)


def _blank(match):
    text = match.group(0)
    inner = re.sub(r"[^\n]", " ", text)
    # A literal stays one: its quotes show that something stood there.
    return inner if text.startswith("/") else '"' + inner[1:-1] + '"' if len(inner) > 1 else inner


def strip(text):
    """The code without comments, literals' contents and preprocessor lines; positions and lines stay."""
    text = _TOKEN.sub(_blank, text)
    return _DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


@dataclasses.dataclass(frozen=True)
class Function:
    name: str
    line: int
    lines: int


_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum)\b|\bextern\s*\"")
_HEAD_NAME = re.compile(r"(operator\s*(?:\(\s*\)|[^\s(]+)|~?[A-Za-z_][\w:~<>]*)\s*\(")
_ACCESS = re.compile(r"\s*(public|private|protected)\s*:(?!:)")
_TRAILING_WORDS = ("const", "noexcept", "override", "final", "mutable", "try", "else", "do")


def _is_function_head(head):
    if "(" not in head:
        return False
    before_paren = head[:head.index("(")]
    if re.search(r"(?<![=!<>+\-*/&|^%])=(?!=)", re.sub(r"operator\s*\S+", "operator", before_paren)):
        return False
    if _SCOPE.search(before_paren) and not re.search(r"\)\s*(const|noexcept|override|final|->.*)?\s*$", head):
        return False
    return True


def _initialises_member(head):
    """True where `head {` opens the braces of a member in a constructor's initialiser list."""
    if not re.search(r"\)[^()]*(?<!:):(?!:)", head):
        return False
    word = re.search(r"([A-Za-z_]\w*|>)\s*$", head)
    return bool(word) and word.group(1) not in _TRAILING_WORDS


def _matching(code, start):
    depth = 0
    for position in range(start, len(code)):
        if code[position] == "{":
            depth += 1
        elif code[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return len(code) - 1


def functions(text):
    """The functions defined in a file, each with the lines from its head's first to its closing brace."""
    code = strip(text)
    found = []
    head_start = 0
    position = 0
    while position < len(code):
        char = code[position]
        if char in ";}":
            head_start = position + 1
        elif char == "{":
            access = _ACCESS.match(code, head_start)
            head_start = access.end() if access else head_start
            head = code[head_start:position]
            end = _matching(code, position)
            if _is_function_head(head):
                if _initialises_member(head):
                    # Make the braces empty parentheses: the head goes on behind them.
                    inner = re.sub(r"[^\n]", " ", code[position + 1:end])
                    code = code[:position] + "(" + inner + ")" + code[end + 1:]
                    position = end + 1
                    continue
                first = head_start + len(head) - len(head.lstrip())
                line = code.count("\n", 0, first) + 1
                lines = code.count("\n", first, end) + 1
                found.append(Function(_name(head), line, lines))
                position = end
                head_start = end + 1
            elif _SCOPE.search(head) and "=" not in head.split("{")[0].split("(")[0]:
                head_start = position + 1
            else:
                # An initialiser of a variable: nothing inside is a definition.
                position = end
                head_start = end + 1
        position += 1
    return found


def _name(head):
    case = re.search(r"\b(TEST(?:_[FP])?|TYPED_TEST(?:_P)?|BENCHMARK\w*)\s*\(\s*(\w+)\s*(?:,\s*(\w+))?", head)
    if case:
        return f"{case.group(2)}.{case.group(3)}" if case.group(3) else case.group(2)
    name = _HEAD_NAME.search(head)
    return name.group(1) if name else head.strip()[:40]


_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(text):
    """(position, quote, name) of every #include outside block comments."""
    blanked = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match.group(0)), text, flags=re.DOTALL)
    return [(match.start(), match.group(1), match.group(2)) for match in _INCLUDE.finditer(blanked)]
