"""A council asks a tax department, which the law forbids to answer; and what would change that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demo.agencies import LINKAGE_UNIT
from demo.choices import HARDSHIP
from demo.federation import ANALYST, OFFICER, reader_of
from demo.measure import Rules
from demo.processes import DemoError
from demo.proof import stop_and_verify
from demo.scenarios.scenario import Scenario
from demo.story import Question, Story

COUNCIL, REVENUE = "riverside-care", "crown-revenue"
DENIED, NOT_FOUND = 3, 8
PROHIBITION = "prohibition.crca-s18"
CITED, LIFTING = "crime_and_disorder_act_1998_s115", "revenue_consent"


def play(story: Story) -> None:
    """Denied, why, what would change it, and that it would."""
    story.introduce()
    story.join()
    story.sign_agreement()
    file = story.write_question()
    refuse(story, file)
    show_silence(story)
    change(story, file)
    stop_and_verify(story)


def refuse(story: Story, file: Path) -> None:
    """The council's own node refuses; exit code 3, the statute, and what would change it."""
    screen, federation = story.screen, story.federation
    screen.command(f"{ANALYST} at {COUNCIL}", ["request", "submit", file.name])
    answer = federation.at(COUNCIL, ANALYST, "request", "submit", file, "--json", expect=DENIED)
    error: dict[str, Any] = answer.document["error"]
    story.request = error["request"]
    screen.bad(f"{error['sentence']} The command ends with exit code {answer.code}: denied.")
    reasons = sorted(error["reasons"], key=lambda reason: reason["code"] != PROHIBITION)
    if reasons[0]["code"] != PROHIBITION:
        raise DemoError("the refusal does not name the prohibition")
    for reason in reasons:
        screen.panel(
            reason["code"],
            [
                f"Why: {reason['sentence']}",
                f"Law: {reason['statute']}",
                f"What would change it: {reason['mend']}",
            ],
            style="red" if reason["code"] == PROHIBITION else "",
        )
    screen.say(
        "Both had signed the agreement, the council vouched that the data are needed, and both believed that a power "
        "to share is enough. For a revenue department it is not: it discloses nothing unless a law that names it, or "
        "the person's own consent, lifts the prohibition."
    )
    story.summary |= {
        "request": story.request,
        "exit_code": answer.code,
        "reasons": [{name: reason[name] for name in ("code", "statute", "mend")} for reason in reasons],
    }


def show_silence(story: Story) -> None:
    """The refusal is in the council's log; the revenue department never heard of the question."""
    screen, federation = story.screen, story.federation
    screen.step(
        "Who heard of it?",
        "The question was refused by the council's own node, before anything left the house. That it was asked and "
        "refused stands in the council's log, for whoever has to answer for it.",
    )
    screen.command(f"{OFFICER} at {COUNCIL}", ["audit", "show", story.request])
    told = federation.at(COUNCIL, OFFICER, "audit", "show", story.request, "--json").document
    for line in told["lines"]:
        screen.event(
            f"#{line['index']}", f"{line['who']} {line['what']}" + (f" ({line['why']})" if line["why"] else "")
        )
    for org in (REVENUE, LINKAGE_UNIT):
        federation.at(org, reader_of(org), "audit", "show", story.request, expect=NOT_FOUND)
        screen.good(f"{org} has no entry of it: it never heard of the question, nor of anyone in it")
    story.summary["log"] = [entry["entry"]["action"] for entry in told["entries"]]
    story.summary["never_heard"] = [REVENUE, LINKAGE_UNIT]


def change(story: Story, file: Path) -> None:
    """The parties sign a version that relies on consent, and the same question is tried again, without sending it."""
    screen, federation = story.screen, story.federation
    screen.step(
        "Would it really change?",
        f"The parties write version 2, which relies on each person's own consent ({story.law(LIFTING)}), and sign it. "
        "The analyst tries the same question, without sending it.",
    )
    draft = story.folder / "tax-connections-2.yaml"
    text = (story.folder / "tax-connections.yaml").read_text(encoding="utf-8")
    text = text.replace(f"gateways: [{CITED}]", f"gateways: [{LIFTING}]").replace("\nversion: 1\n", "\nversion: 2\n")
    draft.write_text(text, encoding="utf-8")
    federation.agree(draft, [COUNCIL, REVENUE])
    screen.command(f"{ANALYST} at {COUNCIL}", ["policy", "check", file.name])
    checked = federation.at(COUNCIL, ANALYST, "policy", "check", file, "--json").document
    if not checked["allow"] or checked["version"] != 2:
        raise DemoError("version 2 of the agreement does not allow the question")
    screen.good(
        f"Now it may be asked, about {checked['cohort']:,} people. The revenue department would decide again for each, "
        "and release those alone who consented."
    )
    story.summary["version_2"] = {"allow": checked["allow"], "cohort": checked["cohort"]}


SCENARIO = Scenario(
    name="tax-connections",
    title="A question that the law forbids",
    opening="A council wants to find households that council tax drives into hardship. The tax department knows "
    "incomes. Both sign an agreement. But the law forbids the tax department to tell, whatever an agreement says. The "
    "computer knows the law, says no, names the section, and says what would change it.",
    orgs=(COUNCIL, REVENUE, LINKAGE_UNIT),
    question=Question(
        agreement="tax-connections",
        purpose=HARDSHIP,
        requester=COUNCIL,
        attributes={REVENUE: ("income_band",)},
        condition="council_tax_help = yes",
        who="people who asked for help with their council tax",
        assertions=("s115-necessary-or-expedient:officer:cda-1998-s6",),
    ),
    rules=Rules(purpose=HARDSHIP, scopes=frozenset({COUNCIL}), opt_out=True, excluded=lambda person: False),
    play=play,
)
