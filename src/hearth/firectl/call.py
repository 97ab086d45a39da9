"""One call of a command: what was typed, whom it talks to, and how it prints."""

from __future__ import annotations

from typing import Any

from hearth.firectl import forms, vocabulary
from hearth.firectl.connection import Connection, connection_from, require_key
from hearth.firectl.failures import Exit, Failure, Finished, Refused, UsageFailure
from hearth.firectl.grammar import Command, Resource
from hearth.firectl.http import Answer, Http, Object, Request
from hearth.firectl.names import full_name, is_full, path_of
from hearth.firectl.parsing import Values
from hearth.firectl.screen import Screen

CATALOGUE = "fireworks"
"The account that owns the models everybody may call."
_CHANGES = ("PATCH", "DELETE")
MASK = "********"
"Stands in a dry run for what nobody may read over a shoulder."
UNKNOWN_ACCOUNT = "ACCOUNT_ID"
"Stands in a dry run for what only the server knows."


class Call:
    """What a command's `run` gets."""

    def __init__(self, command: Command, values: Values, screen: Screen) -> None:
        self.command = command
        self.values = values
        self.screen = screen
        self._connection: Connection | None = None
        self._account_id = ""

    @property
    def connection(self) -> Connection:
        """Where requests go and as whom.

        Raises:
            Failure: the configuration cannot be read.
        """
        if self._connection is None:
            self._connection = connection_from(self.values)
        return self._connection

    @property
    def resource(self) -> Resource:
        """How the command's noun stands on the wire."""
        assert self.command.resource is not None, self.command
        return self.command.resource

    @property
    def is_dry(self) -> bool:
        """Whether nothing may be sent."""
        return bool(self.values.get("dry-run"))

    def get(self, name: str, otherwise: Any = None) -> Any:  # Any: what the flag's kind reads
        """The value of a flag or an argument."""
        return self.values.get(name, otherwise)

    def account_id(self) -> str:
        """The account to act in; asked of the server where nothing here says it."""
        if self._account_id or self.connection.account_id:
            return self._account_id or self.connection.account_id
        if self.is_dry:
            return UNKNOWN_ACCOUNT
        answer = self.answer(Request(method="GET", path="/verifyApiKey"))
        self._account_id = answer.headers.get("x-fireworks-account-id", "")
        if not self._account_id:
            raise UsageFailure("The server does not say whose the key is; pass --account-id.")
        return self._account_id

    def name(self, text: str, collection: str = "") -> str:
        """The full name that an id or a name of the command line means."""
        collection = collection or self.resource.collection
        account_id = "" if is_full(text) or "/" in text else self.account_id()
        return full_name(account_id, collection, text)

    def parent(self, account_id: str = "") -> str:
        """The path of the command's collection."""
        return path_of(f"accounts/{account_id or self.account_id()}/{self.resource.collection}")

    def send(self, method: str, path: str, **parts: Any) -> Object:  # Any: query and body
        """Send a request and return the body of its answer.

        Raises:
            Refused: the server answered with an error.
            Finished: it is a dry run, and the request was printed.
        """
        etag = self.get("etag", "") if method in _CHANGES else ""
        return self.answer(Request(method=method, path=path, etag=etag, **parts)).body

    def answer(self, request: Request) -> Answer:
        """The same, with headers."""
        if self.is_dry:
            self._print(request)
            raise Finished
        require_key(self.connection)
        answer = Http(self.connection.base_url, self.connection.api_key).send(request)
        if ignored := answer.headers.get("x-ignored-fields"):
            self.screen.note(f"firectl: this server takes but does not use: {ignored}")
        return answer

    def read(self, text: str, action: str = "") -> Object:
        """Get a resource by id or name; a shared one of a bare id also from the catalogue.

        Args:
            text: what was typed.
            action: a verb of the wire, such as `:metrics`.
        """
        name = self.name(text)
        try:
            return self.send("GET", path_of(name) + action)
        except Refused as refused:
            is_elsewhere = self.resource.is_shared and "/" not in text
            if not is_elsewhere or refused.exit_status != Exit.NOT_FOUND:
                raise
            shared = full_name(CATALOGUE, self.resource.collection, text)
            return self._read_shared(shared, action, refused)

    def _read_shared(self, name: str, action: str, refused: Refused) -> Object:
        try:
            return self.send("GET", path_of(name) + action)
        except Failure:
            raise refused from None

    def show(self, resource: Object) -> None:
        """Print a resource in the form that `--output` asks for."""
        form = self.values.get("output", "text")
        if form == "json":
            self.screen.write(forms.as_json(resource))
        elif form == "yaml":
            self.screen.write(forms.as_yaml(resource))
        elif form == "flag":
            self.screen.write(forms.as_flags(resource, self._creation()))
        else:
            self.screen.write(forms.as_text(resource) or "OK\n")

    def show_list(self, rows: list[Object]) -> None:
        """Print resources in the form that `--output` asks for."""
        form = self.values.get("output", "text")
        if form == "json":
            self.screen.write(forms.as_json(rows))
        elif form == "yaml":
            self.screen.write(forms.as_yaml(rows))
        elif form == "flag":
            creation = self._creation()
            self.screen.write("".join(forms.as_flags(row, creation) for row in rows))
        else:
            self.screen.write(forms.as_table(rows, self.resource.columns))

    def _creation(self) -> Command:
        creation = vocabulary.command_of(self.command.noun, "create")
        if creation is None:
            raise UsageFailure(f"A {self.command.noun} is not created by flags; use -o json.")
        return creation

    def _print(self, request: Request) -> None:
        text = f"{request.method} {self.connection.base_url}{request.target()}\n"
        text += f"If-Match: {request.etag}\n" if request.etag else ""
        if request.body is not None:
            text += forms.as_json(_masked(request.body, self._secrets()))
        self.screen.write(text)

    def _secrets(self) -> set[str]:
        secrets = {self.connection.api_key}
        for flag in self.command.flags:
            given = self.values.get(flag.name, []) if flag.is_secret else []
            secrets.update(given if isinstance(given, list) else [given])
        return secrets - {""}


def _masked(value: Any, secrets: set[str]) -> Any:  # Any: a JSON value
    """The same value with stars for every secret."""
    if isinstance(value, dict):
        return {key: _masked(each, secrets) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, secrets) for each in value]
    return MASK if isinstance(value, str) and value in secrets else value
