"""The kinds of things the world is made of, and how a fact of each is told and asked for.

In the templates ``{n}`` is the name of the thing and ``{v}`` the value. ``told`` are ways to state the fact, ``asked``
ways to ask for it, ``vague`` the question without the name, ``foreign`` the question in German, French and Spanish.
``absent`` are attributes that no document speaks of.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    key: str
    values: str
    told: tuple[str, ...]
    asked: tuple[str, ...]
    vague: str
    foreign: tuple[str, str, str]
    answer: str
    aside: str
    """The value as a clause within a question about the same thing: what gives the answer away."""


@dataclass(frozen=True)
class Kind:
    name: str
    pattern: str
    opening: str
    attributes: tuple[Attribute, ...]
    absent: tuple[tuple[str, str], ...]
    filler: tuple[str, ...]


COMPANY = Kind(
    "company",
    "{w} {Works|Industries|Instruments|Laboratories|Foundry}",
    "{n} is a company with a long tradition in its region.",
    (
        Attribute("founder", "person", ("{n} was founded by {v}.", "The founder of {n} was {v}."),
                  ("Who founded {n}?", "Which person was the founder of {n}?"), "Who founded the company?",
                  ("Wer hat die Firma {n} gegründet?", "Qui a fondé l'entreprise {n} ?",
                   "¿Quién fundó la empresa {n}?"),
                  "{n} was founded by {v}.", "the company founded by {v}"),
        Attribute("founded", "year", ("The company {n} dates back to {v}.", "{n} opened its first workshop in {v}."),
                  ("In which year did {n} open its first workshop?", "When was the first workshop of {n} opened?"),
                  "When did it open its first workshop?",
                  ("In welchem Jahr hat {n} die erste Werkstatt eröffnet?",
                   "En quelle année {n} a-t-elle ouvert son premier atelier ?",
                   "¿En qué año abrió {n} su primer taller?"),
                  "{n} opened its first workshop in {v}.", "whose first workshop opened in {v}"),
        Attribute("staff", "count", ("{n} employs {v} people.", "The workforce of {n} counts {v} people."),
                  ("How many people does {n} employ?", "How many people work at {n}?"),
                  "How many people does the company employ?",
                  ("Wie viele Menschen arbeiten bei {n}?", "Combien de personnes {n} emploie-t-elle ?",
                   "¿Cuántas personas trabajan en {n}?"),
                  "{n} employs {v} people.", "which employs {v} people"),
        Attribute("seat", "town", ("The head office of {n} stands in {v}.", "{n} is run from the town of {v}."),
                  ("In which town is the head office of {n}?", "From which town is {n} run?"),
                  "In which town is its head office?",
                  ("In welcher Stadt steht der Hauptsitz von {n}?", "Dans quelle ville se trouve le siège de {n} ?",
                   "¿En qué ciudad está la sede de {n}?"),
                  "The head office of {n} is in {v}.", "with its head office in {v}"),
    ),
    (("What is the annual advertising budget of {n}?", "sum"), ("Who audits the accounts of {n}?", "person"),
     ("How many patents does {n} hold?", "count")),
    ("Visitors are received on working days only.", "The archive of the firm is open to students.",
     "Its workshops were rebuilt after a fire."),
)  # fmt: skip

BRIDGE = Kind(
    "bridge",
    "{w} {Bridge|Viaduct|Footbridge}",
    "The {n} is a well-known crossing.",
    (
        Attribute("river", "river", ("The {n} spans the river {v}.", "Below the {n} flows the river {v}."),
                  ("Which river does the {n} span?", "What river flows below the {n}?"),
                  "Which river does the bridge span?",
                  ("Welchen Fluss überspannt die {n}?", "Quelle rivière le {n} enjambe-t-il ?",
                   "¿Qué río cruza el {n}?"),
                  "The {n} spans the river {v}.", "the crossing of the river {v}"),
        Attribute("length", "metres", ("The {n} is {v} metres long.", "From end to end the {n} measures {v} metres."),
                  ("How long is the {n}?", "What is the length of the {n} in metres?"), "How long is the bridge?",
                  ("Wie lang ist die {n} in Metern?", "Quelle est la longueur du {n} ?", "¿Cuánto mide el {n}?"),
                  "The {n} is {v} metres long.", "{v} metres from end to end"),
        Attribute("architect", "person", ("The {n} was designed by {v}.", "The plans of the {n} were drawn by {v}."),
                  ("Who designed the {n}?", "Who drew the plans of the {n}?"), "Who designed it?",
                  ("Wer hat die {n} entworfen?", "Qui a conçu le {n} ?", "¿Quién diseñó el {n}?"),
                  "The {n} was designed by {v}.", "designed by {v}"),
        Attribute("opened", "year", ("The {n} was opened to traffic in {v}.", "Traffic has crossed the {n} since {v}."),
                  ("When was the {n} opened to traffic?", "Since what year has traffic crossed the {n}?"),
                  "When was the bridge opened to traffic?",
                  ("Wann wurde die {n} für den Verkehr geöffnet?", "Quand le {n} a-t-il été ouvert à la circulation ?",
                   "¿Cuándo se abrió al tráfico el {n}?"),
                  "The {n} was opened to traffic in {v}.", "open to traffic since {v}"),
        Attribute("material", "material", ("The {n} is built of {v}.", "{V} is the material of the {n}."),
                  ("What is the {n} built of?", "Of which material is the {n} made?"), "What is the bridge built of?",
                  ("Woraus ist die {n} gebaut?", "En quoi est construit le {n} ?", "¿De qué está construido el {n}?"),
                  "The {n} is built of {v}.", "a structure of {v}"),
    ),
    (("How many lamps light the {n}?", "count"), ("What did the last repainting of the {n} cost?", "sum"),
     ("Who is the caretaker of the {n}?", "person")),
    ("Fishing from the parapet is forbidden.", "In winter the footpath is gritted every morning.",
     "Photographs of the works are kept in the town hall."),
)  # fmt: skip

DEVICE = Kind(
    "device",
    "{w} {200|350|500|Mark II|Mark IV}",
    "The {n} is a measuring device for the field.",
    (
        Attribute("maker", "company", ("The {n} is made by {v}.", "{v} manufactures the {n}."),
                  ("Which company makes the {n}?", "Who manufactures the {n}?"), "Which company makes the device?",
                  ("Welche Firma stellt den {n} her?", "Quelle entreprise fabrique le {n} ?",
                   "¿Qué empresa fabrica el {n}?"),
                  "The {n} is made by {v}.", "made by {v}"),
        Attribute("weight", "grams", ("The {n} weighs {v} grams.", "With its strap the {n} has a weight of {v} grams."),
                  ("How much does the {n} weigh?", "What is the weight of the {n}?"), "How much does the device weigh?",
                  ("Wie viel wiegt der {n}?", "Combien pèse le {n} ?", "¿Cuánto pesa el {n}?"),
                  "The {n} weighs {v} grams.", "a device of {v} grams"),
        Attribute("battery", "hours",
                  ("One charge of the {n} lasts {v} hours.", "The battery of the {n} runs {v} hours."),
                  ("How long does one charge of the {n} last?", "For how many hours does the battery of the {n} run?"),
                  "How long does one charge last?",
                  ("Wie lange hält eine Ladung des {n}?", "Combien de temps dure une charge du {n} ?",
                   "¿Cuánto dura una carga del {n}?"),
                  "One charge of the {n} lasts {v} hours.", "which runs {v} hours on one charge"),
        Attribute("price", "euros", ("The {n} is sold for {v} euros.", "The list price of the {n} is {v} euros."),
                  ("What does the {n} cost?", "What is the list price of the {n}?"), "What does it cost?",
                  ("Was kostet der {n}?", "Combien coûte le {n} ?", "¿Cuánto cuesta el {n}?"),
                  "The {n} costs {v} euros.", "sold for {v} euros"),
        Attribute("standard", "standard", ("The {n} is certified to {v}.", "The {n} meets the standard {v}."),
                  ("To which standard is the {n} certified?", "Which standard does the {n} meet?"),
                  "To which standard is the device certified?",
                  ("Nach welcher Norm ist der {n} zertifiziert?", "À quelle norme le {n} est-il certifié ?",
                   "¿Según qué norma está certificado el {n}?"),
                  "The {n} is certified to {v}.", "certified to {v}"),
    ),
    (("How many colours is the {n} sold in?", "count"), ("Who invented the sensor of the {n}?", "person"),
     ("What does a spare display for the {n} cost?", "sum")),
    ("The housing can be rinsed with clear water.", "Spare straps are in the box.",
     "It should be kept dry when it is not in use."),
)  # fmt: skip

SPECIES = Kind(
    "species",
    "{w} {heron|marten|newt|finch|beetle}",
    "The {n} is a shy animal that few people have seen.",
    (
        Attribute("discoverer", "person",
                  ("The {n} was first described by {v}.", "The first description of the {n} is by {v}."),
                  ("Who first described the {n}?", "By whom is the first description of the {n}?"),
                  "Who first described the animal?",
                  ("Wer hat den {n} zuerst beschrieben?", "Qui a décrit le {n} pour la première fois ?",
                   "¿Quién describió por primera vez el {n}?"),
                  "The {n} was first described by {v}.", "first described by {v}"),
        Attribute("region", "region", ("The {n} lives in {v}.", "{v} is the home of the {n}."),
                  ("Where does the {n} live?", "Which region is the home of the {n}?"), "Where does it live?",
                  ("Wo lebt der {n}?", "Où vit le {n} ?", "¿Dónde vive el {n}?"),
                  "The {n} lives in {v}.", "an animal of {v}"),
        Attribute("food", "food", ("The {n} feeds on {v}.", "The diet of the {n} is {v}."),
                  ("What does the {n} feed on?", "What is the diet of the {n}?"), "What does the animal feed on?",
                  ("Wovon ernährt sich der {n}?", "De quoi se nourrit le {n} ?", "¿De qué se alimenta el {n}?"),
                  "The {n} feeds on {v}.", "which feeds on {v}"),
        Attribute("age", "years", ("The {n} reaches an age of {v} years.", "A healthy {n} lives {v} years."),
                  ("What age does the {n} reach?", "How many years does a healthy {n} live?"),
                  "What age does the animal reach?",
                  ("Wie alt wird der {n}?", "Quel âge atteint le {n} ?", "¿Qué edad alcanza el {n}?"),
                  "The {n} reaches an age of {v} years.", "which reaches {v} years"),
    ),
    (("How loud is the call of the {n}?", "count"), ("Which museum shows a mounted {n}?", "town"),
     ("How many eggs does the {n} lay?", "count")),
    ("Traps have been forbidden for a generation.", "Its tracks are easily mistaken for those of a cat.",
     "It sleeps through the hottest weeks."),
)  # fmt: skip

FESTIVAL = Kind(
    "festival",
    "{w} {Lantern Festival|Harvest Fair|Song Days|Kite Week}",
    "The {n} is the high point of the local year.",
    (
        Attribute("town", "town", ("The {n} is held in {v}.", "Every year {v} is the host of the {n}."),
                  ("In which town is the {n} held?", "Which town is the host of the {n}?"), "In which town is it held?",
                  ("In welcher Stadt findet {n} statt?", "Dans quelle ville se tient {n} ?",
                   "¿En qué ciudad se celebra {n}?"),
                  "The {n} is held in {v}.", "held in {v}"),
        Attribute("month", "month", ("The {n} takes place in {v}.", "{v} is the month of the {n}."),
                  ("In which month does the {n} take place?", "What is the month of the {n}?"),
                  "In which month does the festival take place?",
                  ("In welchem Monat findet {n} statt?", "En quel mois a lieu {n} ?", "¿En qué mes se celebra {n}?"),
                  "The {n} takes place in {v}.", "which takes place in {v}"),
        Attribute("visitors", "count", ("The {n} draws {v} visitors.", "About {v} visitors come to the {n}."),
                  ("How many visitors does the {n} draw?", "How many visitors come to the {n}?"),
                  "How many visitors does the festival draw?",
                  ("Wie viele Besucher zieht {n} an?", "Combien de visiteurs viennent à {n} ?",
                   "¿Cuántos visitantes atrae {n}?"),
                  "The {n} draws {v} visitors.", "which draws {v} visitors"),
        Attribute("director", "person", ("The {n} is directed by {v}.", "{v} is the director of the {n}."),
                  ("Who directs the {n}?", "Who is the director of the {n}?"), "Who directs the festival?",
                  ("Wer leitet {n}?", "Qui dirige {n} ?", "¿Quién dirige {n}?"),
                  "The {n} is directed by {v}.", "directed by {v}"),
    ),
    (("What does a ticket for the {n} cost?", "sum"), ("Who painted the poster of the {n}?", "person"),
     ("How many stages does the {n} have?", "count")),
    ("Dogs must be kept on a lead.", "The last bus waits until midnight.", "Rain has never stopped it so far."),
)  # fmt: skip

KINDS = (COMPANY, BRIDGE, DEVICE, SPECIES, FESTIVAL)

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Portugal": "Lisbon",
    "Austria": "Vienna", "Poland": "Warsaw", "Hungary": "Budapest", "Greece": "Athens", "Norway": "Oslo",
    "Sweden": "Stockholm", "Finland": "Helsinki", "Denmark": "Copenhagen", "Ireland": "Dublin", "Japan": "Tokyo",
    "China": "Beijing", "Egypt": "Cairo", "Kenya": "Nairobi", "Peru": "Lima", "Chile": "Santiago", "Cuba": "Havana",
    "Canada": "Ottawa", "Russia": "Moscow", "Turkey": "Ankara", "Thailand": "Bangkok", "Vietnam": "Hanoi",
    "Argentina": "Buenos Aires", "Belgium": "Brussels", "Bulgaria": "Sofia", "Romania": "Bucharest",
}  # fmt: skip
SYMBOLS = {
    "gold": "Au", "silver": "Ag", "iron": "Fe", "lead": "Pb", "tin": "Sn", "copper": "Cu", "sodium": "Na",
    "potassium": "K", "helium": "He", "neon": "Ne", "calcium": "Ca", "zinc": "Zn", "mercury": "Hg", "silicon": "Si",
}  # fmt: skip
AUTHORS = {
    "Hamlet": "William Shakespeare", "Faust": "Johann Wolfgang von Goethe", "Ulysses": "James Joyce",
    "War and Peace": "Leo Tolstoy", "Don Quixote": "Miguel de Cervantes", "Emma": "Jane Austen",
    "Moby Dick": "Herman Melville", "Oliver Twist": "Charles Dickens", "The Trial": "Franz Kafka",
    "Candide": "Voltaire", "The Odyssey": "Homer", "Dracula": "Bram Stoker", "Frankenstein": "Mary Shelley",
    "Les Misérables": "Victor Hugo", "The Idiot": "Fyodor Dostoevsky", "Walden": "Henry David Thoreau",
}  # fmt: skip
COMMON = (
    *((f"{v} is the capital of {k}.", f"What is the capital of {k}?", v) for k, v in CAPITALS.items()),
    *((f"The chemical symbol of {k} is {v}.", f"What is the chemical symbol of {k}?", v) for k, v in SYMBOLS.items()),
    *((f"{v} wrote {k}.", f"Who wrote {k}?", v) for k, v in AUTHORS.items()),
)
"""General knowledge that stands in the documents too: told, asked, answer."""
