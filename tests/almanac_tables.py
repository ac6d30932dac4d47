"""Tables of the almanac: paper sizes and the prefixes of units."""

PAPER_NOTES = [
    "ISO 216 is the international standard for paper sizes of the A series and the B series.",
    "The area of a sheet of A0 is one square metre.",
    "Each sheet has sides in the ratio of 1 to the square root of 2, so that half a sheet has the same shape.",
    "The German engineer Walter Porstmann designed the A series for the standard DIN 476, published in 1922.",
    "To find the weight of a sheet of A4, divide the grammage of the paper by 16.",
    "The C series of ISO 269 is used for envelopes: an A4 sheet fits into a C4 envelope without folding.",
    "The United States and Canada use Letter paper in place of A4.",
]

PAPER_A = [
    ("Size", "Width in mm", "Height in mm", "Typical use"),
    ("A0", 841, 1189, "technical drawings and posters"),
    ("A1", 594, 841, "flip charts and posters"),
    ("A2", 420, 594, "wall calendars and drawings"),
    ("A3", 297, 420, "diagrams and large tables"),
    ("A4", 210, 297, "letters and office documents"),
    ("A5", 148, 210, "notepads and booklets"),
    ("A6", 105, 148, "postcards"),
    ("A7", 74, 105, "pocket diaries"),
    ("A8", 52, 74, "playing cards"),
]

PAPER_OTHER = [
    ("Size", "Series", "Width in mm", "Height in mm"),
    ("B4", "ISO 216 B", 250, 353),
    ("B5", "ISO 216 B", 176, 250),
    ("C4", "ISO 269 C", 229, 324),
    ("C5", "ISO 269 C", 162, 229),
    ("C6", "ISO 269 C", 114, 162),
    ("Letter", "North American", 215.9, 279.4),
    ("Legal", "North American", 215.9, 355.6),
    ("Tabloid", "North American", 279.4, 431.8),
]

PAPER_SHEETS = {"A series": PAPER_A, "Others": PAPER_OTHER}

PREFIXES = [
    ("Prefix", "Symbol", "Power of ten", "In use since", "Example"),
    ("quetta", "Q", "30", "2022", "the mass of Jupiter is about two quettagrams"),
    ("ronna", "R", "27", "2022", "the mass of the Earth is about six ronnagrams"),
    ("yotta", "Y", "24", "1991", "the oceans hold about 1.4 yottagrams of water"),
    ("zetta", "Z", "21", "1991", "the diameter of the Milky Way is about one zettametre"),
    ("exa", "E", "18", "1975", "a hundred light years are about one exametre"),
    ("peta", "P", "15", "1975", "a light year is about 9.5 petametres"),
    ("tera", "T", "12", "1960", "a large hard disk stores 20 terabytes"),
    ("giga", "G", "9", "1960", "Wi-Fi works at 2.4 gigahertz"),
    ("mega", "M", "6", "1873", "a compressed photograph takes about three megabytes"),
    ("kilo", "k", "3", "1795", "a litre of water has a mass of one kilogram"),
    ("hecto", "h", "2", "1795", "a hectolitre is one hundred litres"),
    ("deca", "da", "1", "1795", "a decametre is ten metres"),
    ("deci", "d", "-1", "1795", "a decilitre is a tenth of a litre"),
    ("centi", "c", "-2", "1795", "a thumb is about two centimetres wide"),
    ("milli", "m", "-3", "1795", "a grain of rice is about six millimetres long"),
    ("micro", "µ", "-6", "1873", "a red blood cell is about seven micrometres wide"),
    ("nano", "n", "-9", "1960", "light travels 30 centimetres in one nanosecond"),
    ("pico", "p", "-12", "1960", "the diameter of a helium atom is about 62 picometres"),
    ("femto", "f", "-15", "1964", "a proton is about 1.7 femtometres across"),
    ("atto", "a", "-18", "1964", "light crosses a hydrogen atom in about 0.35 attoseconds"),
    ("zepto", "z", "-21", "1991", "one molecule of glucose weighs about 0.3 zeptograms"),
    ("yocto", "y", "-24", "1991", "a hydrogen atom has a mass of about 1.7 yoctograms"),
    ("ronto", "r", "-27", "2022", "an electron has a mass of about 0.9 rontograms"),
    ("quecto", "q", "-30", "2022", "the energy of one kiloelectronvolt has a mass of about 1.8 quectograms"),
]
