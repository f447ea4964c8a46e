"""Where Prefect's settings come from, looked up without importing Prefect.

A look-up of one setting yields what each source says about it, in the order in which Prefect 3 lets sources
win (https://docs.prefect.io/v3/concepts/settings-and-profiles, and its package `prefect.settings`): the group
as one JSON object, environment, `.env`, `prefect.toml`, `pyproject.toml`, the active profile, and at last the
legacy tables of both TOML files.
"""

from . import default_profiles_path
from .files import ENV_FILE, Files, printable

TYPE_CHECKING = False  # importing `typing` would cost more than everything else here
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from .files import Variables

# A TOML file's name, and where in it Prefect's settings are.
_TOML_FILES: "tuple[tuple[str, tuple[str, ...]], ...]" = (
    ("prefect.toml", ()),
    ("pyproject.toml", ("tool", "prefect")),
)
# The names under which a group's settings can come as one JSON object, and the way in it.
_OBJECTS: "dict[str, tuple[tuple[str, tuple[str, ...]], ...]]" = {
    "plugins": (
        ("prefect_plugins", ()),
        ("prefect_experiments", ("plugins",)),
        # Known to Prefect 3.4.24 to 3.6.29, where `plugins` was a field of `experiments`.
        ("prefect_experiments_plugins", ()),
    ),
    "api": (("prefect_api", ()),),
    "logging": (("prefect_logging", ()),),
    "testing": (("prefect_testing", ()),),
}
# Profiles that Prefect brings along: naming one of them is no mistake.
_BUILT_IN_PROFILES = ("ephemeral", "local", "test", "cloud", "default")
# In test mode, which any of these turns on, Prefect knows no profiles.
_TEST_MODE = (
    "PREFECT_TEST_MODE",
    "PREFECT_UNIT_TEST_MODE",
    "PREFECT_TESTING_TEST_MODE",
    "PREFECT_TESTING_UNIT_TEST_MODE",
)


class Found:
    """What one source says about one setting.

    Attributes:
        source: where the value stands, for people.
        value: the value as read: a string from the environment and `.env`, any TOML or JSON value else.
        from_file: whether a child in another working directory might not see it.
        is_text: whether Prefect tries the value as JSON first, as it does for lists in the environment.
    """

    __slots__ = ("from_file", "is_text", "source", "value")

    def __init__(self, source: str, value: "Any", from_file: bool, is_text: bool = False) -> None:
        self.source = source
        self.value = value
        self.from_file = from_file
        self.is_text = is_text


class Sources(Files):
    """All the places in which Prefect looks for settings, each read at most once.

    Args:
        environ: the environment; names are matched in any case, except those that Prefect itself takes
            literally (`PREFECT_PROFILE`, `PREFECT_PROFILES_PATH`, `PREFECT_HOME`).
        directory: where `.env`, `prefect.toml` and `pyproject.toml` are; None is the working directory.
        argv: the command line, for `prefect --profile NAME`.
    """

    def __init__(self, environ: "Mapping[str, str]", directory: "str | None", argv: "Sequence[str]") -> None:
        super().__init__(environ, directory)
        self.argv = argv
        # Lower-case name -> (name as written, value). As in Prefect, the last of several spellings wins.
        self.variables: Variables = {
            name.lower(): (name, environ[name]) for name in environ if name[:7].lower() == "prefect"
        }
        self._test_mode = any(environ.get(name) for name in _TEST_MODE)
        self._objects: dict[str, list[tuple[str, dict[str, Any], bool]]] = {}
        self._profiles_path: str | None = None
        self._has_files: bool | None = None

    # -- one setting ------------------------------------------------------------------------------------

    def look_up(self, group: str, key: str, names: "Sequence[str]") -> "Iterator[Found]":
        """Yield what each source says about a setting, highest precedence first.

        Args:
            group: Prefect's name of the settings group, such as `plugins`; empty for the root.
            key: the field's name in it, such as `enabled`.
            names: the field's environment names, in lower case, the preferred one first.
        """
        yield from self._in_objects(group, (key,))
        yield from self._among(self.variables, names, "")
        if not self._files_say_anything():
            yield from self._in_objects(group, names)
            return
        yield from self._among(self.env_file(), names, ENV_FILE + ": ")
        yield from self._in_objects(group, names)
        path = (group,) if group else ()
        yield from self._in_tables(path, key)
        for name in map(str.upper, names):
            profile, label = self.profile(name)
            if name in profile:
                yield Found(f"{label}: {name}", profile[name], from_file=True)
                break
        if group == "plugins":
            yield from self._in_tables(("experiments", *path), key)

    def _files_say_anything(self) -> bool:
        """Whether there is any file to look into; mostly there is none."""
        if self._has_files is None:
            files = (ENV_FILE, *(file for file, _ in _TOML_FILES), self.profiles_path())
            self._has_files = any(map(self._read, files))
        return self._has_files

    def _among(self, variables: "Variables", names: "Sequence[str]", prefix: str) -> "Iterator[Found]":
        for name in names:
            written, value = variables.get(name, ("", None))
            if value is not None:
                yield Found(prefix + written, value, from_file=bool(prefix), is_text=True)
                return  # even if the value turns out to be JSON's null, the other name is not asked

    def _in_tables(self, path: "tuple[str, ...]", key: str) -> "Iterator[Found]":
        for file, root in _TOML_FILES:
            value = self.table(file, root + path, key).get(key)
            # A table in a field's place is passed over, as Prefect does.
            if value is not None and not isinstance(value, dict):
                where = ".".join(root + path)
                yield Found(f"{file} [{where}] {key}" if where else f"{file} {key}", value, from_file=True)

    def _in_objects(self, group: str, keys: "Sequence[str]") -> "Iterator[Found]":
        """Yield what the group as one JSON object says: `PREFECT_PLUGINS={"enabled": true}`.

        Prefect hands such an object to the group's model as arguments. So a field's own name in it wins over
        every other source, wherever the object stands, and the field's environment names win over the TOML
        files. The latter are taken in any case, the field's name only where it is the field's only name.
        """
        for key in keys:
            for source, values, from_file in self.objects(group):
                if key.startswith("prefect_") or group in ("api", "logging"):
                    values = {name.lower(): value for name, value in values.items()}
                if key in values:
                    yield Found(source, values[key], from_file)

    def objects(self, group: str) -> "list[tuple[str, dict[str, Any], bool]]":
        """Source and content of a group's JSON objects, and whether they stand in a file."""
        if group not in self._objects:
            somewhere = self._files_say_anything() or any(name in self.variables for name, _ in _OBJECTS.get(group, ()))
            self._objects[group] = list(self._find_objects(group)) if somewhere else []
        return self._objects[group]

    def _find_objects(self, group: str) -> "Iterator[tuple[str, dict[str, Any], bool]]":
        for name, path in _OBJECTS.get(group, ()):
            in_environ, in_env_file = (v.get(name, ("", None)) for v in (self.variables, self.env_file()))
            profile, label = self.profile(name.upper())
            for source, text, from_file in (
                (*in_environ, False),
                (f"{ENV_FILE}: {in_env_file[0]}", in_env_file[1], True),
                (f"{label}: {name.upper()}", profile.get(name.upper()), True),
            ):
                values = {} if text is None else self._parse_object(source, text)
                for step in path:
                    values = values.get(step, {})
                if values and isinstance(values, dict):
                    yield f"{source} (JSON)", values, from_file

    def _parse_object(self, source: str, text: "Any") -> "dict[str, Any]":
        from .reading import parse_object

        try:
            return parse_object(text)
        except Exception:  # no JSON, no object, a TOML table, nested too deeply
            # Without the text: it may hold an API key.
            self.report(source, f"{source} is not a JSON object; it is not used", "bad-value")
            return {}

    def plugin_tables(self) -> "Iterator[tuple[str, dict[str, Any]]]":
        """Yield the plugin system's own tables, with their places."""
        for file, root in _TOML_FILES:
            for path in ((*root, "plugins"), (*root, "experiments", "plugins")):
                yield f"{file} [{'.'.join(path)}]", self.table(file, path)

    # -- profiles ---------------------------------------------------------------------------------------

    def profile(self, name: str) -> "tuple[dict[str, Any], str]":
        """The active profile's settings, if `name` can be among them, and a label for people.

        Args:
            name: A setting's name in upper case; empty for the whole profile.
        """
        if self._test_mode:
            return {}, ""
        path = self.profiles_path()
        profiles = self.table(path, ("profiles",), name)
        if not profiles:
            return {}, ""
        chosen, asked_by = self._chosen_profile()
        if chosen is None:
            chosen, asked_by = self.table(path, ()).get("active"), f"{path}: active"
        if not isinstance(chosen, str) or chosen not in profiles:
            self._report_unknown_profile(chosen, asked_by, path)
            return {}, ""
        settings = profiles[chosen]
        if not isinstance(settings, dict):
            self.report(path, f"{path}: profile {chosen!r} is not a table; it is not used", "broken-file")
            return {}, ""
        return settings, f"profile {chosen!r} in {printable(path)}"

    def check_profile(self) -> None:
        """Report a profile that the command line or the environment asks for and that is nowhere defined."""
        chosen, asked_by = self._chosen_profile()
        if chosen is not None and not self._test_mode:
            path = self.profiles_path()
            if chosen not in self.table(path, ("profiles",)):
                self._report_unknown_profile(chosen, asked_by, path)

    def _chosen_profile(self) -> "tuple[Any, str]":
        argv = self.argv
        if len(argv) >= 3 and argv[0].endswith("/prefect") and argv[1] == "--profile":
            return argv[2], "--profile"
        return self.environ.get("PREFECT_PROFILE") or None, "PREFECT_PROFILE"

    def _report_unknown_profile(self, name: object, asked_by: str, path: str) -> None:
        if name and name not in _BUILT_IN_PROFILES:
            text = f"{asked_by}: there is no profile {name!r} in {path}; no profile is used"
            self.report(asked_by, text, "unknown-profile")

    def profiles_path(self) -> str:
        """Where the profiles are, by Prefect's rules; a path in a setting is taken literally."""
        if self._profiles_path is None:
            self._profiles_path = self._find_profiles()
        return self._profiles_path

    def _find_profiles(self) -> str:
        path: object = self.environ.get("PREFECT_PROFILES_PATH")
        if not path:
            self.env_file()
            path = self.profiles_path_in_env_file
        for file, root in _TOML_FILES:
            if not path:
                path = self.table(file, root, "profiles_path").get("profiles_path")
        if isinstance(path, str) and path:
            return path
        return default_profiles_path(self.environ)
