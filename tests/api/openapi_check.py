"""What the tests need of OpenAPI 3.1: looking up operations, and checking values against the part of JSON Schema that
docs/openapi.json uses. A keyword this file does not know is a failure, so that the description cannot outgrow it."""
import re

KNOWN = {"$ref", "type", "enum", "properties", "required", "additionalProperties", "items", "anyOf", "pattern", "format",
         "description", "default", "minimum", "maximum", "maxLength", "patternProperties"}
FORMATS = {
    "uuid": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
}
TYPES = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "null": lambda v: v is None,
}


class Description:
    def __init__(self, document):
        self.document = document
        self.operations = {}
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                identifier = operation["operationId"]
                assert identifier not in self.operations, f"{identifier} is there twice"
                self.operations[identifier] = dict(operation, method=method.upper(), path=path)

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            node = self.at(node["$ref"])
        return node

    def at(self, reference):
        assert reference.startswith("#/"), reference
        node = self.document
        for part in reference[2:].split("/"):
            node = node[part]
        return node

    def response(self, identifier, status):
        """The description of an answer; None when the operation does not name the status."""
        return self.resolve(self.operations[identifier]["responses"].get(str(status)))

    def problems(self, value, schema, where="", strict=True):
        """Everything in which `value` is not what `schema` says. Strict: members that are not described are wrong too."""
        unknown = set(schema) - KNOWN
        if unknown:
            return [f"{where}: this check does not know {sorted(unknown)}"]
        if "$ref" in schema:
            return self.problems(value, self.resolve(schema), where, strict)
        if "anyOf" in schema:
            tries = [self.problems(value, each, where, strict) for each in schema["anyOf"]]
            return [] if any(not each for each in tries) else tries[0]
        found = []
        if "type" in schema and not TYPES[schema["type"]](value):
            return [f"{where}: {value!r:.80} is no {schema['type']}"]
        if "enum" in schema and value not in schema["enum"]:
            found.append(f"{where}: {value!r:.80} is none of {schema['enum']}")
        if isinstance(value, str):
            if "pattern" in schema and not re.search(schema["pattern"], value):
                found.append(f"{where}: {value!r:.80} does not match {schema['pattern']}")
            if "format" in schema and not FORMATS[schema["format"]].fullmatch(value):
                found.append(f"{where}: {value!r:.80} is no {schema['format']}")
        if isinstance(value, list) and "items" in schema:
            for number, item in enumerate(value):
                found += self.problems(item, schema["items"], f"{where}/{number}", strict)
        if isinstance(value, dict) and "properties" in schema:
            found += self.object_problems(value, schema, where, strict)
        return found

    def object_problems(self, value, schema, where, strict):
        found = [f"{where}: '{name}' is missing" for name in schema.get("required", []) if name not in value]
        extra = schema.get("additionalProperties", not strict)
        for name, member in value.items():
            if name in schema["properties"]:
                found += self.problems(member, schema["properties"][name], f"{where}/{name}", strict)
            elif isinstance(extra, dict):
                found += self.problems(member, extra, f"{where}/{name}", strict)
            elif not extra:
                found.append(f"{where}: '{name}' is not described")
        return found

    def every_reference(self):
        def walk(node):
            if isinstance(node, dict):
                if isinstance(node.get("$ref"), str):
                    yield node["$ref"]
                for child in node.values():
                    yield from walk(child)
            elif isinstance(node, list):
                for child in node:
                    yield from walk(child)
        return set(walk(self.document))


def routes_in_sources(folder):
    """What the surfaces register: {operation id: (method, path, permission)}."""
    routes = {}
    pattern = re.compile(r'on\(\s*"(GET|POST|PUT|PATCH|DELETE) (\S+?)",\s*"(\w+)",\s*Permission::k(\w+)')
    for source in sorted(folder.glob("*.cc")):
        for method, path, identifier, permission in pattern.findall(source.read_text()):
            words = re.findall("[A-Z][a-z]+", permission)
            name = "" if permission == "None" else ".".join(word.lower() for word in words)
            routes[identifier] = (method, path.replace("*}", "}"), name)
    return routes
