"""Texts of the almanac about measures, bees and coffee, in the small markup that ``almanac_write.blocks`` reads."""

CALENDARS = """
# Leap Years and Calendars

A calendar is a system that orders days into months and years. Three natural periods offer themselves for the purpose:
the day, the month of the Moon and the year of the Sun. No whole number of days fits into the month, and no whole
number of months fits into the year, so every calendar is a compromise.

## The periods of the sky

A tropical year is the time from one spring equinox to the next, about 365.2422 days. A synodic month is the time from
one new moon to the next, about 29.53 days on average. Twelve synodic months are about 354 days, eleven days less than
a tropical year. A solar calendar is a calendar that follows the Sun and lets the phases of the Moon wander. A lunar
calendar is a calendar that follows the Moon and lets the seasons wander. A lunisolar calendar is a calendar that
follows the Moon and adds a month from time to time to keep up with the Sun.

## The Julian calendar

Julius Caesar reformed the Roman calendar in 46 BC with the advice of the astronomer Sosigenes of Alexandria. The
Julian calendar adds one day in every fourth year. Its year is 365.25 days long on average, about eleven minutes
longer than the tropical year. The difference grows to one day in about 128 years. By the sixteenth century the spring
equinox had moved from 21 March to 11 March, which disturbed the date of Easter.

## The Gregorian calendar

Pope Gregory XIII introduced the Gregorian calendar in 1582 with the bull Inter gravissimas. Thursday, 4 October 1582,
was followed by Friday, 15 October 1582. A leap year is a year with 366 days, in which February has 29 days. The rule
of the Gregorian calendar reads:

- A year that can be divided by 4 is a leap year.
- A year that can be divided by 100 is not a leap year.
- A year that can be divided by 400 is a leap year after all.

The year 1900 was not a leap year because it can be divided by 100 but not by 400. The year 2000 was a leap year
because it can be divided by 400. The Gregorian calendar has 97 leap years in 400 years, so its average year is
365.2425 days long. The error of the Gregorian calendar is about one day in 3,000 years.

To find out whether a year is a leap year, divide it by 400 first, then by 100, then by 4, and stop at the first
division that leaves no remainder.

## When countries changed

| Country | Last day of the Julian calendar | First day of the Gregorian calendar |
|---|---|---|
| Spain | 4 October 1582 | 15 October 1582 |
| Great Britain | 2 September 1752 | 14 September 1752 |
| Russia | 31 January 1918 | 14 February 1918 |
| Greece | 15 February 1923 | 1 March 1923 |

The Russian October Revolution is named after October because it began on 25 October 1917 of the Julian calendar,
which was 7 November 1917 of the Gregorian calendar. Great Britain lost eleven days in September 1752. Sweden had a 30
February in 1712, because it undid an earlier half-finished change.

## Other calendars

The Hebrew calendar is a lunisolar calendar that adds a thirteenth month in seven years of every nineteen. The Metonic
cycle is a period of nineteen years after which the phases of the Moon fall on nearly the same dates again. The
Islamic calendar is a lunar calendar of 354 or 355 days; its months move through all seasons in about 33 years. The
Solar Hijri calendar of Iran begins its year at the spring equinox. The Chinese calendar is a lunisolar calendar whose
new year falls between 21 January and 21 February.

## Easter

Easter Sunday is the first Sunday after the full moon that falls on or after 21 March, where the full moon is taken
from church tables and not from the sky. Easter therefore falls between 22 March and 25 April in the Gregorian
calendar. Most Orthodox churches compute Easter with the Julian calendar, so their Easter is often later.

## Weeks and numbers

The standard ISO 8601 writes dates as year, month and day, for example 2024-02-29. Dates in the form of ISO 8601 are
easy to sort because the largest unit comes first. Week 1 of a year is the week that contains the first Thursday of
January. A week of ISO 8601 begins on Monday. A year of ISO 8601 has 52 or 53 weeks.

The Julian day number is a count of days that began at noon on 1 January 4713 BC in the Julian calendar. Astronomers
use the Julian day number to measure the time between two events without caring about months and calendars.

## Leap seconds

A leap second is a second that is added to Coordinated Universal Time to keep it within 0.9 seconds of the rotation of
the Earth. The first leap second was added on 30 June 1972. Leap seconds are needed because the rotation of the Earth
is irregular and slows down in the long run. The General Conference on Weights and Measures decided in 2022 to give up
leap seconds by 2035.
"""

METRIC = """
# The Metric System

The metric system is a system of measurement in which units of different size differ by powers of ten. The
International System of Units is the modern form of the metric system. All countries of the world have adopted the
metric system by law in some form, but everyday life in the United States still uses older units.

## Origins

France introduced the metric system by a law of 7 April 1795. The metre was defined as one ten-millionth of the
distance from the North Pole to the Equator on the meridian of Paris. The astronomers Jean-Baptiste Delambre and
Pierre Méchain measured the arc between Dunkirk and Barcelona from 1792 to 1798 to find the length of the metre.
Before the reform, France had hundreds of local units, and the same name meant different sizes in different towns.

The Metre Convention was signed in Paris by seventeen states on 20 May 1875. The convention founded the International
Bureau of Weights and Measures in Sèvres near Paris. In 1889 the bureau received prototypes of the metre and the
kilogram made of platinum and iridium.

## The seven base units

A base unit is a unit from which other units are derived by multiplication and division. The International System of
Units has seven base units.

| Quantity | Base unit | Symbol | Defined by |
|---|---|---|---|
| Time | second | s | the frequency of caesium-133 |
| Length | metre | m | the speed of light |
| Mass | kilogram | kg | the Planck constant |
| Electric current | ampere | A | the elementary charge |
| Temperature | kelvin | K | the Boltzmann constant |
| Amount of substance | mole | mol | the Avogadro constant |
| Luminous intensity | candela | cd | the luminous efficacy of green light |

The second is the duration of 9,192,631,770 periods of the radiation of the caesium-133 atom. The metre is the length
of the path that light travels in a vacuum in 1/299,792,458 of a second. The kilogram was the last unit to be defined
by an object; since 20 May 2019 it has been defined by the Planck constant. The old prototype was given up because its
mass had drifted against its copies by about 50 micrograms in a century.

## Derived units

A derived unit is a unit that is formed from base units. The newton is the unit of force, and one newton gives a mass
of one kilogram an acceleration of one metre per second squared. The joule is the unit of energy; one joule is the
work of one newton over one metre. The watt is the unit of power; one watt is one joule in one second. The pascal is
the unit of pressure; one pascal is one newton on one square metre. The litre is not a unit of the International
System, but it is accepted for use with it.

## Prefixes

A prefix is a syllable before a unit that multiplies the unit by a power of ten. Kilo stands for one thousand, mega
stands for one million, and milli stands for one thousandth. The kilogram is the only base unit whose name carries a
prefix. To convert kilometres to metres, multiply by 1,000. To convert kilometres per hour to metres per second,
divide by 3.6.

Binary prefixes are prefixes for powers of 1,024 that were introduced by the International Electrotechnical Commission
in
1998. One kibibyte is 1,024 bytes, and one kilobyte is 1,000 bytes.

## Writing units

Symbols of units are written without a full stop and do not change in the plural. Symbols of units that are named
after a person begin with a capital letter, although the name of the unit does not: the newton has the symbol N. A
space stands between the number and the unit. To avoid confusion, never put two prefixes before one unit.

## What mixing units has cost

The Mars Climate Orbiter was lost on 23 September 1999 because one program gave the impulse of the thrusters in
pound-force seconds and another expected newton seconds. In July 1983 a Boeing 767 of Air Canada ran out of fuel in
flight because the crew had counted the fuel in pounds instead of kilograms. The aircraft glided to a former air base
in Gimli, and nobody was killed.

## Old units in metric terms

| Unit | Metric value |
|---|---|
| Inch | 25.4 millimetres |
| Foot | 304.8 millimetres |
| Mile | 1,609.344 metres |
| Nautical mile | 1,852 metres |
| Pound | 0.45359237 kilograms |
| Imperial pint | 568.26 millilitres |

The inch, the foot and the pound have been defined by metric units in an international agreement since 1959. To
convert degrees Fahrenheit to degrees Celsius, subtract 32 and multiply by five ninths.
"""

BEES = """
# Beekeeping Basics

Beekeeping is the keeping of colonies of honey bees in hives that people can open. The western honey bee, Apis
mellifera, is the species that is kept in Europe, Africa and the Americas. A strong colony has about 50,000 bees in
early summer and about 10,000 in winter.

## The colony

A colony is a family of one queen, many thousands of workers and, in summer, some hundreds of drones. The queen is the
only female that lays fertilised eggs, and she lays up to 2,000 eggs a day in early summer. Workers are females that
clean, nurse, build, guard and forage, in roughly that order as they grow older. Drones are males whose only task is
to mate with queens of other colonies. A worker lives about six weeks in summer and up to six months in winter.

| Caste | Egg | Capped after | Emerges after |
|---|---|---|---|
| Queen | 3 days | 8 days | 16 days |
| Worker | 3 days | 9 days | 21 days |
| Drone | 3 days | 10 days | 24 days |

Royal jelly is a secretion of the head glands of young workers. All larvae are fed royal jelly at first; a larva that
is fed royal jelly all the time becomes a queen.

## The hive

A hive is a box in which a colony lives. Bee space is a gap of about 6 to 9 millimetres that bees leave free as a
passage. The American minister Lorenzo Langstroth patented a hive with bee space around all frames in 1852. Frames can
be lifted out of such a hive because bees fill smaller gaps with propolis and larger gaps with comb. Propolis is a
resin that bees collect from buds and use to seal cracks. A queen excluder is a grid that keeps the queen out of the
honey boxes while workers can pass.

## Opening a hive

A smoker is a can with bellows that is used to blow cool smoke into a hive. Smoke calms bees because it hides the
alarm scent and makes them fill their stomachs with honey. To open a hive, follow these steps:

1. Choose a warm, calm day and light the smoker.
2. Blow a little smoke into the entrance and wait for one minute.
3. Lift the lid and stand beside the hive, not in front of it.
4. Loosen the first frame with a hive tool and set it aside to make room.
5. Look for eggs, brood, food and signs of disease, and close the hive after ten minutes.

A beginner should look for eggs rather than for the queen, because fresh eggs prove that a queen was there within the
last three days.

## Swarming

A swarm is the old queen with about half of the workers that leave the hive to found a new colony. Colonies swarm
mostly between May and July, when the hive is crowded. To prevent a swarm, give the colony more room early, remove old
queens, or split the colony in two. A swarm that hangs in a tree is usually gentle because it has no nest to defend.
Scouts dance on the surface of the swarm to report nest sites, and the swarm leaves when nearly all scouts dance for
the same place.

## The waggle dance

The waggle dance is a movement by which a forager tells its nestmates the direction and the distance of food. The
angle of the dance to the vertical equals the angle of the food to the sun. The length of the waggle run tells the
distance. Karl von Frisch received the Nobel Prize in 1973 for his work on the language of bees.

## Honey

Honey is a food that bees make from nectar by adding enzymes and taking away water. Nectar holds up to 80 percent
water, and ripe honey holds less than 20 percent. Bees cap a cell with wax when its honey is ripe. Honey should be
harvested when at least two thirds of the cells are capped, because wet honey ferments. A refractometer is used to
measure the water in honey. Honey crystallises when its glucose comes out of solution; gentle warmth below 40 degrees
Celsius makes it liquid again. Honey must not be given to children under one year, because it may carry spores of the
bacterium that causes botulism.

## Diseases and enemies

The varroa mite is a parasite that sucks on bees and their brood and carries viruses. The varroa mite jumped from the
eastern honey bee to the western honey bee in the twentieth century. Untreated colonies usually die within three
years. To count mites, dust a cup of bees with icing sugar, shake them over a mesh and count the mites that fall
through. Formic acid is used to treat colonies after the harvest because its vapour reaches the mites under the
cappings. Oxalic acid is used in winter, when there is no brood.

American foulbrood is a disease of the larvae caused by the bacterium Paenibacillus larvae. The spores of American
foulbrood live for decades, so many countries demand that sick colonies be burned. Colony collapse disorder (CCD) is
the sudden loss of most workers of a colony while the queen and the food remain; it was described in the United States
in 2006.

## The year of the beekeeper

| Month | Task |
|---|---|
| March | check the food stores |
| May | add honey boxes and watch for queen cells |
| July | harvest the honey |
| August | treat against mites |
| October | narrow the entrance against mice |
| December | treat the broodless colony with oxalic acid |

A colony needs about 15 to 20 kilograms of honey or sugar to pass the winter in central Europe. Bees do not sleep
through the winter: they form a cluster and shiver with their flight muscles to keep the middle of the cluster warm.
"""

COFFEE = """
# Coffee Roasting

## What roasting does

Roasting is the heating of green coffee until its colour, aroma and structure change.
- Green coffee holds about 10 to 12 percent water, and roasted coffee holds less than 3 percent.
- Beans lose 12 to 20 percent of their weight and grow to almost twice their volume.
- The Maillard reaction is a reaction of amino acids with sugars that gives coffee its brown colour and much of its
  aroma.
- Caffeine hardly changes during roasting, because it is stable at the temperatures of the roaster.

## Two species

Arabica is the coffee of the species Coffea arabica, which makes up more than half of the harvest of the world.
- Robusta is the coffee of the species Coffea canephora; it has about twice as much caffeine as arabica.
- Arabica grows best in the highlands of the tropics, between about 1,000 and 2,000 metres.
- Robusta is used to give espresso a thick crema.

## Phases of a roast

| Phase | Bean temperature | What happens |
|---|---|---|
| Drying | up to 150 degrees Celsius | water evaporates and beans turn yellow |
| Browning | 150 to 196 degrees Celsius | the Maillard reaction sets in |
| First crack | about 196 degrees Celsius | steam bursts the beans open |
| Development | after first crack | acidity falls and sweetness grows |
| Second crack | about 225 degrees Celsius | cell walls break and oil appears |

First crack is a popping sound that is made when steam and gas burst the bean. Second crack is a quieter crackling
that is made when the cell walls break. The development time ratio (DTR) is the time after first crack divided by the
time of the whole roast.

## How to roast at home

To roast coffee in a hot air popper, follow these steps:
1. Open a window, because chaff and smoke come with every roast.
2. Fill in 80 grams of green coffee and switch the popper on.
3. Listen for first crack, which comes after about five minutes.
4. Stop the roast one to two minutes after first crack for a medium roast.
5. Cool the beans within four minutes in a metal sieve.

Beans must be cooled quickly because they go on roasting in their own heat. Chaff is the thin skin of the bean that
comes off during the roast.

## Levels of roast

| Level | Colour | Stopped | Taste |
|---|---|---|---|
| Light roast | light brown | at the end of first crack | bright and acidic |
| Medium roast | brown | before second crack | balanced and sweet |
| Dark roast | dark brown and oily | during second crack | bitter and smoky |

A light roast is harder to grind than a dark roast because its beans are denser.

## Defects

A roast is called baked when it was heated too slowly and tastes flat.
- A tipped bean is a bean with burnt ends; the air was too hot.
- A scorched bean is a bean with dark patches; the drum was too hot at the start.
- A quaker is a pale bean that was picked unripe and stays pale in the roast.

To find the cause of a flat taste, write down the temperature every thirty seconds and compare the curve with the
curve of a good roast.

## Resting and storing

Degassing is the release of carbon dioxide from roasted beans in the days after the roast. Espresso tastes best from
beans that have rested for about a week, because fresh beans give too much gas and the water runs unevenly. A bag of
coffee has a valve so that gas can leave and air cannot enter. Roasted coffee should be stored cool, dark and
airtight. Ground coffee becomes stale within hours because its surface is so much larger.

## Tasting

Cupping is a method of tasting coffee in which hot water is poured on ground coffee in a bowl. To cup a coffee, pour
150 grams of water at 93 degrees Celsius on 8.25 grams of ground coffee, wait four minutes, break the crust with a
spoon, skim the foam and slurp. Tasters slurp because the spray carries the aroma to the nose. Body is the feeling of
weight that coffee leaves in the mouth, and acidity is its pleasant sharpness.
"""
