"""What the store promises of users, signed documents and people's choices."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from exchange_node.store import Store
from tests.store_life import ASKED, NOW, a_choice, fails

# -- people


def test_users_are_found_by_certificate_and_revoked_by_name(store: Store) -> None:
    added = store.users.add("ana", "analyst", "1" * 64, "s1", NOW + 10, NOW)
    store.users.add("ana", "analyst", "2" * 64, "s2", NOW + 99, NOW + 5)
    store.users.add("olu", "officer", "3" * 64, "s3", NOW + 10, NOW)
    assert store.users.by_fingerprint("1" * 64) == added
    assert store.users.by_fingerprint("9" * 64) is None
    assert store.users.revoke("ana", NOW + 7) == 2
    assert store.users.revoke("ana", NOW + 8) == 0
    assert [(user.name, user.revoked_at) for user in store.users.list()] == [
        ("ana", NOW + 7),
        ("ana", NOW + 7),
        ("olu", None),
    ]
    fails("not-found", lambda: store.users.revoke("nobody", NOW))
    fails("conflict", lambda: store.users.add("olu", "analyst", "1" * 64, "s1", NOW + 10, NOW))
    fails("invalid", lambda: store.users.add("eve", "king", "4" * 64, "s4", NOW + 10, NOW))


def test_a_leg_is_approved_or_refused_once(store: Store) -> None:
    assert store.approvals.get(ASKED, "castle-nhs") is None
    made = store.approvals.add(ASKED, "castle-nhs", "olu", "approve", "in order", NOW)
    store.approvals.add(ASKED, "castle-nhs", "olu", "approve", "in order", NOW + 9)
    assert store.approvals.get(ASKED, "castle-nhs") == made
    fails("conflict", lambda: store.approvals.add(ASKED, "castle-nhs", "olu", "refuse", "in order", NOW))
    fails("conflict", lambda: store.approvals.add(ASKED, "castle-nhs", "eve", "approve", "in order", NOW))


# -- documents


def test_a_manifest_number_stands_for_one_digest(store: Store) -> None:
    documents = store.documents
    assert documents.latest_manifest() is None
    documents.put_manifest(2, "2" * 64, b"two", NOW)
    documents.put_manifest(1, "1" * 64, b"one", NOW + 1)
    documents.put_manifest(2, "2" * 64, b"two, signed again", NOW + 2)
    latest = documents.latest_manifest()
    assert latest is not None and (latest.number, latest.envelope, latest.at) == (
        2,
        b"two, signed again",
        NOW,
    )
    assert documents.manifest("2" * 64) == latest
    assert documents.manifest("3" * 64) is None
    fails("conflict", lambda: documents.put_manifest(2, "3" * 64, b"other", NOW))
    fails("conflict", lambda: documents.put_manifest(3, "2" * 64, b"other", NOW))
    assert documents.latest_manifest() == latest


def test_an_agreement_gathers_signatures_and_versions(store: Store) -> None:
    documents = store.documents
    documents.put_agreement("damp", 1, "1" * 64, b"one", NOW)
    documents.put_agreement("damp", 10, "3" * 64, b"ten", NOW)
    documents.put_agreement("damp", 2, "2" * 64, b"two", NOW)
    documents.put_agreement("damp", 1, "1" * 64, b"one, by both", NOW + 1)
    latest, first = documents.agreement("damp"), documents.agreement_by_digest("1" * 64)
    assert latest is not None and latest.version == 10
    assert first is not None and first.envelope == b"one, by both"
    assert documents.agreement("other") is None and documents.agreement_by_digest("9" * 64) is None
    assert [(made.id, made.version) for made in documents.agreements()] == [
        ("damp", 1),
        ("damp", 2),
        ("damp", 10),
    ]
    fails("conflict", lambda: documents.put_agreement("damp", 2, "4" * 64, b"other", NOW))


# -- choices


def test_choices_are_withdrawn_beside_what_was_said(store: Store) -> None:
    choice = a_choice(valid_to=NOW + 5, ref="form 7")
    assert store.choices.add(choice) == store.choices.add(choice) == choice.id
    assert store.choices.list() == [choice]
    store.choices.withdraw(choice.id, NOW + 3, "olu")
    store.choices.withdraw(choice.id, NOW + 4, "eve")
    withdrawn = replace(choice, withdrawn_at=NOW + 3, withdrawn_by="olu")
    assert store.choices.list(active=False) == [withdrawn]
    assert store.choices.list(active=True) == []
    assert store.choices.add(choice) == choice.id  # an import that is run again
    fails("conflict", lambda: store.choices.add(replace(choice, kind="objection")))
    fails("not-found", lambda: store.choices.withdraw("0" * 32, NOW, "olu"))


def test_every_change_of_choices_and_nothing_else_raises_their_version(store: Store) -> None:
    choice, versions = a_choice(), [store.choices.version()]
    for change in (
        lambda: store.choices.add(choice),
        lambda: store.choices.add(choice),
        lambda: store.choices.add(a_choice()),
        lambda: store.choices.withdraw(choice.id, NOW, "olu"),
        lambda: store.choices.withdraw(choice.id, NOW, "olu"),
        lambda: fails("invalid", lambda: store.choices.add(a_choice(kind="wish"))),
    ):
        change()
        versions.append(store.choices.version())
    assert [after - before for before, after in pairwise(versions)] == [
        1,
        0,
        1,
        1,
        0,
        0,
    ]


def test_an_import_of_choices_is_recorded_whole_or_not_at_all(store: Store) -> None:
    some = [a_choice(), a_choice()]
    assert (store.choices.add_all(some), store.choices.version()) == (2, 1)
    assert (store.choices.add_all([*some, a_choice()]), store.choices.version()) == (1, 2)
    assert (store.choices.add_all(some), store.choices.version()) == (0, 2)
    fails("invalid", lambda: store.choices.add_all([a_choice(), a_choice(kind="wish")]))
    fails("conflict", lambda: store.choices.add_all([a_choice(), replace(some[0], kind="objection")]))
    assert (len(store.choices.list()), store.choices.version()) == (3, 2)


def test_choices_of_many_people_are_read_in_chunks(store: Store) -> None:
    people = [f"{number:032x}" for number in range(1201)]
    made = [store.choices.add(a_choice(person)) for person in people[::100]]
    store.choices.withdraw(made[0], NOW, "olu")
    found = store.choices.for_people(iter(people))
    assert list(found) == people
    assert {ref for ref, theirs in found.items() if theirs} == set(people[::100])
    assert found[people[0]][0].withdrawn_at == NOW
    assert store.choices.for_people([]) == {}
    assert len(store.choices.list(limit=5, offset=10)) == 3
    assert [choice.person for choice in store.choices.list(person=people[100])] == [people[100]]
