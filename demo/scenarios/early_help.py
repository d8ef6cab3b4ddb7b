"""Social care asks a landlord and a hospital about people in new arrears; one of them changes their mind meanwhile."""

from __future__ import annotations

import datetime
from typing import Any

from demo.agencies import LINKAGE_UNIT
from demo.answer import show_held_back, show_quality, show_results, show_who_saw_what, story_lines
from demo.choices import EARLY_HELP
from demo.federation import OFFICER
from demo.measure import Rules, people_of
from demo.processes import DemoError
from demo.proof import compare_stories, stop_and_verify
from demo.scenarios.scenario import Scenario
from demo.story import Question, Story
from exchange_node.release.transforms import apply

COUNCIL, LANDLORD, HOSPITAL = "riverside-care", "northgate-homes", "castle-nhs"
PROVIDERS = (LANDLORD, HOSPITAL)
SEALED = 8  # the step in which a provider fixes its release; up to then a withdrawal counts
NO_CONSENT = "gateway.direct-referral-consent.consent"


def play(story: Story) -> None:
    """Two providers, one withdrawal, one power cut."""
    story.introduce()
    story.join()
    story.sign_agreement()
    story.record_choices([COUNCIL, *PROVIDERS])
    story.submit(story.write_question())
    story.approve()
    story.explain_linking()
    withdraw_meanwhile(story)
    story.follow()
    tables = show_results(story)
    check_absence(story, tables)
    show_held_back(story)
    show_times(story)
    show_who_saw_what(story)
    people = {org: people_of(story.world, org) for org in PROVIDERS}

    def expected(provider: str, local_id: str) -> dict[str, str]:
        person = people[provider][local_id]
        if provider == HOSPITAL:
            return {"mental_health_support": "yes" if person.mental_health else "no"}
        owed = person.home.arrears_pounds
        return {"arrears_band": str(apply("amount_band", owed)), "tenancy_at_risk": "yes" if owed > 1_500 else "no"}

    show_quality(story, tables, expected, absent=[person_ids(story)[COUNCIL]])
    compare_stories(story)
    stop_and_verify(story)


def person_ids(story: Story) -> dict[str, str]:
    """The local ids of the person who changes their mind."""
    chosen = story.world.withdrawal
    if chosen is None:
        raise DemoError("among so few people nobody fits who could withdraw; take more with --people")
    return {org: local_id for org, local_id, number in story.world.truth if number == chosen.person}


def withdraw_meanwhile(story: Story) -> None:
    """Both providers have encoded; the linkage unit loses power; the person withdraws; the power is back.

    A provider seals its release only after the linkage unit has given both sides their lists, so while it is down
    nothing can be sealed: what is recorded now comes in time, on any machine.
    """
    screen, federation, unit = story.screen, story.federation, story.federation.nodes[LINKAGE_UNIT]
    for provider in PROVIDERS:
        story.wait_until(
            lambda org=provider: bool(story_lines(story, org, "people.encoded")),  # type: ignore[misc]
            f"{provider} does not encode",
        )
    unit.kill()
    steps = {org: story.status(org)["legs"][0]["step"] for org in PROVIDERS}
    if max(steps.values()) >= SEALED:
        raise DemoError(f"this machine was too busy to stop the linkage unit in time (steps {steps}); run it again")
    screen.event("Landlord and hospital", "have scrambled their records and are sending them")
    screen.bad("The linkage unit loses its power (its process is killed). What it held in memory, it has lost.")
    screen.step(
        "Somebody changes their mind",
        "At this very moment one person withdraws their consent, at the landlord and at the hospital. The person was "
        "in the question, and has been scrambled with everyone else. What counts is the moment at which a provider "
        "seals its answer, and that has not come.",
    )
    ids = person_ids(story)

    def withdraw(provider: str) -> dict[str, Any]:
        words = ["choice", "withdraw", "--local-id", ids[provider], "--kind", "consent", "--json"]
        return federation.at(provider, OFFICER, *words).document

    for provider in PROVIDERS:
        screen.command(
            f"{OFFICER} at {provider}", ["choice", "withdraw", "--local-id", ids[provider], "--kind", "consent"]
        )
    told = dict(zip(PROVIDERS, federation.each(withdraw, PROVIDERS), strict=True))
    story.summary["withdrawn"] = {
        "ids": ids,
        "at": {org: answer["at"] for org, answer in told.items()},
        "choices": {org: len(answer["withdrawn"]) for org, answer in told.items()},
    }
    story.wait_until(lambda: bool(troubles(story)), "the council's node does not notice that the linkage unit is down")
    for trouble in troubles(story):
        screen.event(f"The council's node ({COUNCIL})", trouble)
    federation.start([LINKAGE_UNIT])
    screen.good(
        "The linkage unit is back, and asks for what it lost. Nobody had to do anything; nothing was sent twice."
    )
    story.summary["power_cut"] = True


def troubles(story: Story) -> list[str]:
    """What the requester's status says of a peer that does not answer."""
    found = []
    for leg in story.status(COUNCIL)["legs"]:
        if error := leg["last_error"]:
            found.append(
                f"asking {leg['provider']}: {error['sentence']} It tries again by itself ({leg['attempts']} so far)."
            )
    return found


def check_absence(story: Story, tables: dict[str, dict[str, dict[str, str]]]) -> None:
    """The person's line is there, and empty, as that of anybody else of whom nothing is known."""
    mine = person_ids(story)[COUNCIL]
    for provider, table in tables.items():
        if any(table[mine].values()):
            raise DemoError(f"{provider} released data of the person who had withdrawn")
    story.screen.good(
        f"The person who changed their mind is line {mine} of both tables. Both are empty, like many others."
    )
    story.summary["withdrawn"]["released"] = False


def show_times(story: Story) -> None:
    """From each provider's log: encoded before the withdrawal, sealed after it, and one person less for that reason."""
    rows = []
    for provider in PROVIDERS:
        times = {line["action"]: line["at"] for line in story.logs[provider]}
        encoded, sealed = times["people.encoded"], times["release.sealed"]
        withdrawn = story.summary["withdrawn"]["at"][provider]
        at = int(datetime.datetime.fromisoformat(withdrawn).timestamp())
        held = story.summary["held_back"][provider]
        if not encoded <= at <= sealed or not held["reasons"].get(NO_CONSENT):
            raise DemoError(f"{provider}: the withdrawal did not come between encoding and sealing")
        shown = (_clock(moment) for moment in (encoded, at, sealed))
        rows.append((story.name(provider), *shown, held["linked"] - held["rows"]))
    story.screen.say("When the withdrawal came, by each provider's own log:")
    story.screen.table(("Provider", "Scrambled", "Withdrawn", "Answer sealed", "Matched, nothing released"), rows)


def _clock(moment: int) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%H:%M:%S")


SCENARIO = Scenario(
    name="early-help",
    title="Help before arrears become an eviction",
    opening="People who fall behind with the rent often need other help as well. A council's social care asks a "
    "landlord and a hospital about people in new arrears who agreed to that. While the question is under way, one of "
    "them changes their mind, and the computer that compares breaks down. Neither may harm anyone.",
    orgs=(COUNCIL, LANDLORD, HOSPITAL, LINKAGE_UNIT),
    question=Question(
        agreement="early-help",
        purpose=EARLY_HELP,
        requester=COUNCIL,
        attributes={LANDLORD: ("arrears_band", "tenancy_at_risk"), HOSPITAL: ("mental_health_support",)},
        condition="new_arrears_notice = yes",
        who="adults who have just fallen behind with the rent",
    ),
    rules=Rules(
        purpose=EARLY_HELP,
        scopes=frozenset(PROVIDERS),
        opt_out=False,
        excluded=lambda person: person.died is not None or person.protected_address or not person.adult,
    ),
    play=play,
    poll_seconds={COUNCIL: 8.0},
)
