"""A landlord asks a hospital which damp homes to mend first, and never learns a diagnosis."""

from __future__ import annotations

from demo.agencies import LINKAGE_UNIT
from demo.answer import show_held_back, show_quality, show_results, show_who_saw_what
from demo.choices import DAMP
from demo.measure import Rules, people_of
from demo.population import RESPIRATORY
from demo.proof import compare_stories, stop_and_verify
from demo.scenarios.scenario import Scenario
from demo.story import Question, Story

LANDLORD, HOSPITAL = "northgate-homes", "castle-nhs"


def play(story: Story) -> None:
    """From the agencies to the verified logs."""
    story.introduce()
    story.join()
    story.sign_agreement()
    story.record_choices([LANDLORD, HOSPITAL])
    story.submit(story.write_question())
    story.approve()
    story.explain_linking()
    story.follow()
    tables = show_results(story)
    show_held_back(story)
    show_who_saw_what(story)
    people = people_of(story.world, HOSPITAL)

    def expected(provider: str, patient: str) -> dict[str, str]:
        at_risk = any(code in RESPIRATORY for code in people[patient].diagnoses)
        return {"repair_priority": "high" if at_risk else "normal"}

    show_quality(story, tables, expected)
    compare_stories(story)
    stop_and_verify(story)


SCENARIO = Scenario(
    name="asthma-mould",
    title="Whose damp home should be mended first?",
    opening="Damp homes make breathing worse. A landlord knows which homes are damp; a hospital knows who has trouble "
    "breathing. Put together, the worst could be mended first. But a landlord has no business with diagnoses, and a "
    "hospital none with tenancies. Here the landlord learns one word for each tenant who agreed: high, or normal.",
    orgs=(LANDLORD, HOSPITAL, LINKAGE_UNIT),
    question=Question(
        agreement="asthma-mould",
        purpose=DAMP,
        requester=LANDLORD,
        attributes={HOSPITAL: ("repair_priority",)},
        condition="damp_reported = yes",
        who="its own tenants whose homes are reported damp",
    ),
    rules=Rules(
        purpose=DAMP,
        scopes=frozenset({LANDLORD}),
        opt_out=True,
        excluded=lambda person: person.died is not None or person.protected_address,
    ),
    play=play,
)
