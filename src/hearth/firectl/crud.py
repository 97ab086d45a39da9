"""The commands that every resource has, made from its place on the wire."""

from __future__ import annotations

from dataclasses import replace

from hearth.firectl import listing
from hearth.firectl.call import CATALOGUE, Call
from hearth.firectl.failures import UsageFailure
from hearth.firectl.grammar import Argument, Command, Flag, Resource
from hearth.firectl.http import Object
from hearth.firectl.names import path_of
from hearth.firectl.request_parts import body_of, query_of
from hearth.firectl.waiting import WAIT_FLAGS, wait_until_gone, wait_until_ready

Flags = tuple[Flag, ...]
ETAG = Flag(name="etag", help="Refuse if it has changed since `get` showed this etag.")


def id_argument(noun: str, *, is_required: bool = True) -> Argument:
    """The id or full name of what is meant."""
    return Argument(
        name="ID", help=f"The id or name of the {noun}.", of=noun, is_required=is_required
    )


def getter(noun: str, resource: Resource, *examples: str) -> Command:
    """`get NOUN ID`."""
    return Command(
        verb="get",
        summary=f"Show one {noun}.",
        run=run_get,
        arguments=(id_argument(noun),),
        resource=resource,
        examples=examples or (f"firectl get {noun} my-{noun}",),
    )


def lister(noun: str, resource: Resource, flags: Flags = (), *examples: str) -> Command:
    """`list NOUNS`."""
    return Command(
        verb="list",
        summary=f"List {noun}s.",
        run=run_list,
        flags=(*flags, *listing.FLAGS),
        resource=resource,
        examples=examples or (f"firectl list {noun}s --order-by 'create_time desc' -o json",),
    )


def updater(noun: str, resource: Resource, flags: Flags, *examples: str) -> Command:
    """`update NOUN ID`, which changes what its flags name and nothing else."""
    return Command(
        verb="update",
        summary=f"Change what the flags name of a {noun}.",
        run=run_update,
        arguments=(id_argument(noun),),
        flags=(*(replace(flag, is_required=False) for flag in flags), ETAG),
        resource=resource,
        examples=examples or (f"firectl update {noun} my-{noun} --display-name 'A new name'",),
    )


def deleter(
    noun: str, resource: Resource, flags: Flags = (), *, waits: bool = False, example: str = ""
) -> Command:
    """`delete NOUN ID`."""
    return Command(
        verb="delete",
        summary=f"Delete a {noun}.",
        run=run_delete,
        arguments=(id_argument(noun),),
        flags=(*flags, ETAG, *(WAIT_FLAGS if waits else ())),
        resource=resource,
        examples=(example or f"firectl delete {noun} my-{noun}",),
    )


def run_get(call: Call) -> None:
    """Show the resource."""
    call.show(call.read(call.get("ID")))


def run_list(call: Call) -> None:
    """Print the account's resources, and without `--account-id` the shared ones after them."""
    accounts = [call.account_id()]
    if call.resource.is_shared and not call.get("account-id") and CATALOGUE not in accounts:
        accounts.append(CATALOGUE)
    sources = [(call.parent(each), call.resource.collection) for each in accounts]
    listing.show_pages(call, sources)


def run_update(call: Call) -> None:
    """Send what was given, and show the resource as it is then.

    Raises:
        UsageFailure: nothing was given.
    """
    body, query = body_of(call), query_of(call)
    if not body:
        flags = ", ".join(f"--{flag.name}" for flag in call.command.flags if flag.field)
        raise UsageFailure(f"Nothing to change: give at least one of {flags}.")
    name = call.name(call.get("ID"))
    changed = call.send("PATCH", path_of(name), query=query, body=body)
    call.show(wait_until_ready(call, name) if call.get("wait") else changed)


def run_create(call: Call) -> None:
    """Create the resource, and show it."""
    show_created(call, create(call, call.get("ID"), body_of(call)))


def create(call: Call, chosen_id: str | None, fields: Object) -> Object:
    """Send a creation, with the id where this resource wants it."""
    resource, query = call.resource, query_of(call)
    body: Object = {resource.wrapper: fields} if resource.wrapper else fields
    if chosen_id and resource.id_body:
        body[resource.id_body] = chosen_id
    elif chosen_id and resource.id_query:
        query[resource.id_query] = chosen_id
    return call.send("POST", call.parent(), query=query, body=body)


def show_created(call: Call, created: Object) -> None:
    """Show what was created, with `--wait` as soon as it is ready."""
    if call.get("wait"):
        created = wait_until_ready(call, created["name"])
    call.show(created)


def run_delete(call: Call) -> None:
    """Delete the resource."""
    name = call.name(call.get("ID"))
    call.send("DELETE", path_of(name), query=query_of(call))
    if call.get("wait"):
        wait_until_gone(call, name)
    call.screen.note(f"Deleted {name}.")
