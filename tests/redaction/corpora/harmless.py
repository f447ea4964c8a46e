SNIPPETS = "\n"
LINES = {"x": "y"}
