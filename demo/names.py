"""Names and streets for invented people.

Common names are nobody's in particular; every person made of them is invented.
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEMALE: Final = _words("""
    Olivia Amelia Isla Ava Mia Ivy Lily Freya Sophie Grace Emily Ella Poppy Charlotte Evie Rosie Daisy Sienna
    Willow Phoebe Matilda Florence Harper Alice Emma Jessica Hannah Lauren Rebecca Rachel Chloe Bethany Megan
    Laura Gemma Kelly Nicola Claire Joanne Tracey Sharon Julie Karen Susan Deborah Jacqueline Angela Margaret
    Patricia Christine Jean Dorothy Joan Sheila Maureen Brenda Barbara Elizabeth Mary Anne Kathleen Eileen Doris
    Edith Aisha Fatima Zainab Priya Anjali Simran Harpreet Ngozi Adaeze Mei Yasmin Agnieszka Katarzyna Zofia
    Ioana Shanice Siobhán Zoë Eleanor Victoria Catherine Samantha Alexandra Natalie Michelle Theresa Gwendolyn
    Bronwen
""")
MALE: Final = _words("""
    Noah Oliver George Arthur Leo Harry Oscar Archie Henry Theodore Freddie Jack Charlie Thomas William James
    Joshua Daniel Matthew Luke Ryan Adam Callum Liam Nathan Jamie Connor Kieran Lee Craig Gary Darren Wayne
    Stuart Neil Ian Stephen Andrew Mark Paul David John Michael Peter Robert Christopher Anthony Kevin Brian
    Alan Keith Derek Roy Kenneth Ronald Raymond Dennis Albert Frederick Ernest Stanley Mohammed Ali Ahmed
    Ibrahim Yusuf Omar Arjun Rajesh Gurpreet Chinedu Emeka Wei Jakub Piotr Tomasz Andrei Kwame Seán Owen Rhys
    Gareth Angus Hamish Edward Benjamin Samuel Alexander Nicholas Timothy Gregory Patrick Vincent Reginald
""")
SURNAMES: Final = _words("""
    Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson Evans Walker White
    Roberts Green Hall Wood Jackson Clarke Khan Hughes Edwards Turner Hill Moore Clark Cooper Harris Ward Martin
    Morris King Watson Baker Morgan Harrison Scott Young Allen Begum Singh Mitchell Phillips Parker James
    Anderson Lewis Bell Lee Cook Carter Bailey Shaw Ali Ahmed Hussain Bennett Kelly Stewart Murphy Collins
    Richardson Cox Kaur Gray Miller Marshall Simpson Webb Price Rogers Adams Ellis Hunt Mills Palmer Holmes
    Barnes Knight Lloyd Butler Russell Fisher Stevens Jenkins Mason Murray Dixon Harvey Pearson Graham Fletcher
    Howard Andrews Gibson Elliott Reynolds Ford Fox Payne Foster Lawrence O'Connor O'Neill O'Brien McDonald
    McCarthy MacKenzie McLeod Fitzgerald Nowak Kowalska Wiśniewski Popescu Okafor Adeyemi Mensah Chukwu Chen
    Wang Nguyen Santos Müller García Hernández Rossi Ferreira Chowdhury Rahman Malik Shah Sharma Gill Sandhu
    Akhtar Iqbal Chaudhry Osei Boateng Abdi Yilmaz Demir Gordon Hamilton Wallace Sinclair Ramsay Pritchard
    Llewellyn Bowen Tudor Trelawny Penrose Ashworth Ramsbottom Entwistle Hargreaves Thistlewood Blackwood
    Featherstone Cholmondeley Winterbottom Fairweather Merriweather Goodfellow
""")
NICKNAMES: Final = {
    "Elizabeth": ("Liz", "Beth", "Betty"), "Margaret": ("Maggie", "Peggy"), "Patricia": ("Pat", "Trish"),
    "Catherine": ("Cathy", "Kate"), "Susan": ("Sue",), "Deborah": ("Debbie",), "Jacqueline": ("Jackie",),
    "Christine": ("Chris",), "Rebecca": ("Becky",), "Samantha": ("Sam",), "Alexandra": ("Alex", "Sandra"),
    "Victoria": ("Vicky",), "Jessica": ("Jess",), "Charlotte": ("Lottie",), "Eleanor": ("Ellie", "Nell"),
    "Florence": ("Flo",), "Matilda": ("Tilly",), "Theresa": ("Terry", "Tess"), "Katarzyna": ("Kasia",),
    "William": ("Bill", "Will"), "Robert": ("Bob", "Rob"), "Thomas": ("Tom",), "James": ("Jim", "Jimmy"),
    "Michael": ("Mike", "Mick"), "Christopher": ("Chris",), "Anthony": ("Tony",), "Stephen": ("Steve",),
    "Andrew": ("Andy",), "David": ("Dave",), "Daniel": ("Dan",), "Matthew": ("Matt",), "Joshua": ("Josh",),
    "Benjamin": ("Ben",), "Samuel": ("Sam",), "Alexander": ("Alex", "Sandy"), "Nicholas": ("Nick",),
    "Timothy": ("Tim",), "Gregory": ("Greg",), "Patrick": ("Paddy", "Pat"), "Kenneth": ("Ken",),
    "Ronald": ("Ron",), "Raymond": ("Ray",), "Frederick": ("Fred",), "Reginald": ("Reg",), "Edward": ("Ted", "Ed"),
    "Mohammed": ("Mohammad", "Muhammad", "Mo"), "Theodore": ("Theo",), "Piotr": ("Peter",), "Arthur": ("Art",),
}  # fmt: skip
STREETS: Final = _words("""
    High Station Church Mill Victoria Albert Park Queens Kings Windsor Springfield Grange Manor School Chapel
    North West Orchard Meadow Riverside Castle Bridge Market Foundry Weaver Tanner Cooper Potter Lime Ash Oak
    Elm Rowan Hawthorn Juniper Canal Lock Harbour Quarry Colliery Sidings Viaduct Reservoir Beacon
""")
KINDS: Final = ("Street", "Road", "Lane", "Avenue", "Close", "Terrace", "Crescent", "Drive", "Gardens", "Court")
# No postcode area in use begins with Q or X, so none of these is anyone's.
AREAS: Final = ("QA", "QB", "QN", "XE", "XS")
