"""Whatever a peer sends, the parsers give a value or MessageError, and the door gives ExchangeError: never another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange_node import papers
from exchange_node.errors import ExchangeError
from exchange_node.messages import MESSAGE_TYPE, MessageError, decode, open_request, read_message
from exchange_node.trust.signing import sign
from exchange_node.wire.v1 import message_pb2 as pb
from tests.simulator import Simulator
from tests.worlds import HOSPITAL, NODES, ask, cheaply, ready_homes, until_ended, world_of

KINDS = [pb.Message, pb.Request, pb.RequestCore, pb.Part, pb.Signed, pb.Envelope, pb.Question, pb.LinkageOrder]
BODIES = [field.name for field in pb.Message.DESCRIPTOR.oneofs[0].fields]
SETTINGS = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulator, list[tuple[str, pb.Envelope]]]]:
    """Three nodes after a request, and every envelope that was sent, with the method it was sent to."""
    with cheaply():
        homes = ready_homes(tmp_path_factory.mktemp("homes"))
        made = world_of(homes, tmp_path_factory.mktemp("world"))
        said: list[tuple[str, pb.Envelope]] = []

        def listen(peer: str, method: str, message: object) -> object:
            if isinstance(message, pb.Envelope):
                said.append((method, message))
            return message

        async def whole() -> None:
            made.network.on_request = listen
            await until_ended(made, await ask(made))
            made.network.on_request = None

        asyncio.run(whole())
        assert [len(node.store.requests.list()) for node in made.nodes.values()] == [1] * len(NODES)
        yield made, said
        made.close()


@SETTINGS
@given(st.binary(max_size=400), st.sampled_from(KINDS))
def test_noise_is_a_value_or_a_message_error(data: bytes, kind: type) -> None:
    with suppress(MessageError):
        decode(kind, data)
    with suppress(MessageError):
        read_message(data, BODIES)
    request = pb.Request(core=data, sections=[pb.Section(index=0, salt=data[:32], content=data[32:])])
    with suppress(MessageError):
        open_request(request)
    with suppress(MessageError):
        papers.read_papers(request, HOSPITAL)


mutations = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["flip", "drop", "double", "cut", "insert"]),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)


def mutated(data: bytes, changes: list[tuple[float, str, int]]) -> bytes:
    """A few bytes changed, dropped, doubled or put in."""
    for place, how, value in changes:
        at = int(place * len(data))
        if how == "flip":
            data = data[:at] + bytes([value]) + data[at + 1 :]
        elif how == "drop":
            data = data[:at] + data[at + 1 + value % 8 :]
        elif how == "double":
            data = data[:at] + data[at : at + value] + data[at:]
        elif how == "insert":
            data = data[:at] + bytes([value]) + data[at:]
        else:
            data = data[:at]
    return data


@SETTINGS
@given(which=st.integers(0, 10_000), changes=mutations)
def test_a_damaged_payload_is_a_value_or_a_message_error(
    world: tuple[Simulator, list[tuple[str, pb.Envelope]]], which: int, changes: list[tuple[float, str, int]]
) -> None:
    _, said = world
    _, envelope = said[which % len(said)]
    damaged = mutated(envelope.signed.payload, changes)
    with suppress(MessageError):
        message = read_message(damaged, BODIES)
        if message.HasField("request"):
            papers.read_papers(message.request, HOSPITAL)


@SETTINGS
@given(which=st.integers(0, 10_000), changes=mutations)
def test_a_damaged_core_or_section_is_a_value_or_a_message_error(
    world: tuple[Simulator, list[tuple[str, pb.Envelope]]], which: int, changes: list[tuple[float, str, int]]
) -> None:
    _, said = world
    requests = [m.request for _, e in said if (m := pb.Message.FromString(e.signed.payload)).HasField("request")]
    request = pb.Request.FromString(requests[which % len(requests)].SerializeToString())
    if which % 2:
        request.core = mutated(request.core, changes)
    else:
        request.sections[0].content = mutated(request.sections[0].content, changes)
    with suppress(MessageError):
        papers.read_papers(request, HOSPITAL)


@SETTINGS
@given(which=st.integers(0, 10_000), changes=mutations, signed=st.booleans())
def test_the_door_raises_nothing_but_its_own(
    world: tuple[Simulator, list[tuple[str, pb.Envelope]]],
    which: int,
    changes: list[tuple[float, str, int]],
    signed: bool,
) -> None:
    """A damaged envelope, and a damaged message under a good signature of its sender."""
    made, said = world
    method, envelope = said[which % len(said)]
    header = pb.Message.FromString(envelope.signed.payload).header
    post = made.network.exchanges[header.recipient].post
    copy = pb.Envelope.FromString(envelope.SerializeToString())
    if signed:
        payload, key = mutated(envelope.signed.payload, changes), made.nodes[header.sender].signing_key
        copy.signed.CopyFrom(pb.Signed(payload=payload, key_id=key.key_id, signature=sign(MESSAGE_TYPE, payload, key)))
    else:
        try:
            copy = decode(pb.Envelope, mutated(envelope.SerializeToString(), changes))
        except MessageError:
            return
    copy.now = int(made.time.now)
    with suppress(ExchangeError):
        post.receive(copy, header.sender, method, *BODIES)
