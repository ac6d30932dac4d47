"""Texts of the almanac about nature, in the small markup that ``almanac_write.blocks`` reads."""

TIDES = """
# Tides

A tide is the regular rise and fall of the sea surface that is caused by the gravity of the Moon and the Sun together
with the rotation of the Earth. The tidal range is the difference in height between a high water and the low water
next to it. Sailors, fishermen and harbour masters read tide tables every day, because a harbour that is deep enough
at high water may be dry six hours later.

## Why tides happen

The Moon pulls more strongly on the side of the Earth that faces it than on the centre of the Earth, and more weakly
on the far side. Two bulges of water are the result: one points to the Moon and the other points away from it. The
Earth turns beneath the bulges, so most coasts meet two high waters and two low waters in the course of one lunar day.
A lunar day is the time between two passages of the Moon over the same meridian, and it lasts about 24 hours and 50
minutes. High water therefore comes about 50 minutes later every day.

The Sun raises tides as well. The tide-raising force of the Sun is a little less than half that of the Moon, because
the Sun is about 390 times farther away. The tide-raising force falls with the cube of the distance, so that distance
counts for more than mass.

## Spring tides and neap tides

A spring tide is a tide with a large range that occurs shortly after new moon and full moon, when the Sun, the Moon
and the Earth stand nearly in a line. A neap tide is a tide with a small range that occurs shortly after the first and
the last quarter of the Moon, when the pull of the Sun works at a right angle to the pull of the Moon. The name spring
tide has nothing to do with the season; the word comes from the leaping up of the water. About fourteen days and
eighteen hours pass between one spring tide and the next.

Perigean spring tides are spring tides that fall near the perigee of the Moon, which is the point of its orbit closest
to the Earth. Perigean spring tides are a little higher than ordinary ones, because the tide-raising force grows as
the Moon comes nearer.

## Three patterns of tide

The shape of the coast and the depth of the sea decide which pattern a place has. A semidiurnal tide is a tide with
two high waters of nearly equal height in one lunar day. A diurnal tide is a tide with only one high water in one
lunar day. A mixed tide is a tide with two high waters of clearly different height in one lunar day.

| Place | Country | Pattern | Approximate range |
|---|---|---|---|
| Burntcoat Head | Canada | semidiurnal | 16 metres |
| Saint-Malo | France | semidiurnal | 13 metres |
| San Francisco | United States | mixed | 1.8 metres |
| Pensacola | United States | diurnal | 0.4 metres |

Burntcoat Head lies on the Bay of Fundy, which has the largest tidal range in the world. The range of the Bay of Fundy
is so large because the bay is nearly in resonance with the tide: a wave needs about as long to travel from the mouth
to the head of the bay and back as the tide needs from one high water to the next.

## The rule of twelfths

The rule of twelfths is a rule of thumb for the height of a semidiurnal tide between low water and high water. The
rule divides the time into six equal parts of about one hour, and the range into twelve equal parts. The water rises
slowly at first, fastest in the middle, and slowly again before high water.

| Hour after low water | Rise in the hour | Rise so far |
|---|---|---|
| First hour | 1 twelfth | 1 twelfth |
| Second hour | 2 twelfths | 3 twelfths |
| Third hour | 3 twelfths | 6 twelfths |
| Fourth hour | 3 twelfths | 9 twelfths |
| Fifth hour | 2 twelfths | 11 twelfths |
| Sixth hour | 1 twelfth | 12 twelfths |

To estimate the height of the water at a given time, add the twelfths that have passed since low water to the height
of low water. To find the depth under the keel, add the height of the tide to the charted depth and subtract the
draught of the boat. The rule of twelfths must not be used where the tide is diurnal or mixed, or where shallow water
distorts the curve, as it does in the Solent in England.

## Chart datum

Chart datum is the level to which the depths on a nautical chart are referred. British and French charts use the
lowest astronomical tide (LAT), which is the lowest level that the sea is predicted to reach under average weather.
Charts of the United States use mean lower low water (MLLW), which is the average of the lower of the two low waters
of each day. Low levels were chosen as chart datum because the real depth is then rarely less than the chart shows.

Weather changes the level too. A fall of the air pressure by one hectopascal raises the sea by about one centimetre. A
storm surge is a rise of the sea above the predicted tide that is caused by strong onshore wind and low air pressure.
The storm surge of 31 January 1953 drowned more than 1,800 people in the Netherlands, because it came together with a
spring tide.

## Tidal currents, bores and power

A tidal current is the horizontal movement of water that goes with the rise and fall of the tide. Slack water is the
short time in which the tidal current turns and almost stands still. A tidal bore is a wave that runs up a river when
the rising tide enters a narrowing, shallow estuary. The largest tidal bore of the world runs up the Qiantang River in
China.

The tidal power station on the estuary of the Rance in Brittany was opened in 1966. The station has a capacity of 240
megawatts, and it was the largest tidal power station of the world until the Sihwa Lake station in South Korea was
opened in 2011. Tidal power can be planned years ahead, because the movements of the Moon and the Sun are known.

## Reading a tide table

To read a tide table, take the following steps:

1. Find the page of the standard port that is nearest to the place.
2. Read the times and heights of high water and low water for the day.
3. Add one hour where daylight saving time is in force and the table does not include it.
4. Apply the differences of time and height for the secondary port.
"""

VOLCANOES = """
# Types of Volcano

A volcano is an opening in the crust of the Earth through which molten rock, ash and gas reach the surface. Magma is
molten rock below the surface, and lava is molten rock that has reached the surface. About 1,350 volcanoes in the
world are potentially active, not counting the continuous belts of volcanoes on the floor of the ocean.

## What decides the shape

The viscosity of the magma decides the shape of a volcano. Viscosity is the resistance of a liquid to flow. Magma with
much silica is stiff, holds its gas, and tends to explode; magma with little silica is runny, lets its gas escape, and
tends to flow. Basalt contains less than 52 percent silica. Rhyolite contains more than 69 percent silica.

## Shield volcanoes

A shield volcano is a broad, gently sloping volcano that is built by many thin flows of basalt. The slopes of a shield
volcano are gentle because basaltic lava runs far before it hardens. Mauna Loa on the island of Hawaii is the largest
active shield volcano of the Earth; its summit stands 4,169 metres above the sea.

## Stratovolcanoes

A stratovolcano is a steep, cone-shaped volcano that is built by alternating layers of lava, ash and broken rock.
Mount Fuji in Japan, Vesuvius in Italy and Mount Rainier in the United States are stratovolcanoes. Stratovolcanoes are
dangerous because their stiff magma traps gas until the pressure breaks the rock above it.

## Cinder cones

A cinder cone is a small, steep hill of loose fragments that fall back around a single vent. The Mexican cinder cone
Paricutin began to grow in a cornfield in February 1943. Paricutin reached a height of more than 300 metres in its
first year and stopped erupting in 1952.

## Lava domes and calderas

A lava dome is a mound of lava that is too stiff to flow away from its vent. A caldera is a large basin that forms
when the ground sinks into a magma chamber that was emptied by an eruption. Crater Lake in Oregon fills a caldera that
formed about 7,700 years ago, when Mount Mazama collapsed.

## Fissure eruptions

A fissure eruption is an eruption of lava along a crack in the ground instead of a single vent. The fissure eruption
of Laki in Iceland lasted from June 1783 to February 1784. The gas of Laki killed more than half of the livestock of
Iceland, and a famine followed.

| Type | Typical lava | Slope | Example |
|---|---|---|---|
| Shield volcano | basalt | gentle | Mauna Loa |
| Stratovolcano | andesite and dacite | steep | Mount Fuji |
| Cinder cone | basaltic cinders | steep | Paricutin |
| Lava dome | dacite and rhyolite | steep | Lassen Peak |

## How eruptions are measured

The volcanic explosivity index (VEI) is a scale from 0 to 8 that ranks eruptions by the volume of material they throw
out and the height of their cloud. The scale was published by Chris Newhall and Stephen Self in 1982. Each step above
2 stands for about ten times more material than the step before it.

| Eruption | Year | Index |
|---|---|---|
| Mount St. Helens | 1980 | VEI 5 |
| Pinatubo | 1991 | VEI 6 |
| Tambora | 1815 | VEI 7 |

The eruption of Tambora cooled the climate because it threw sulphur dioxide into the stratosphere, where droplets of
sulphuric acid scatter sunlight. The year 1816 was called the year without a summer.

## Hazards

A pyroclastic flow is a fast, hot avalanche of ash, rock and gas that runs down the side of a volcano. Pyroclastic
flows commonly move faster than 80 kilometres an hour, and their temperature lies between 200 and 700 degrees Celsius.
A lahar is a mudflow of volcanic debris and water that follows river valleys. The lahar of Nevado del Ruiz destroyed
the town of Armero in Colombia in 1985 and killed more than 20,000 people.

Volcanic ash is dangerous to aircraft because it melts inside jet engines and hardens on their blades. The eruption of
Eyjafjallajokull in April 2010 closed most of the airspace of Europe for six days.

## How volcanoes are watched

Observatories watch for swarms of small earthquakes, for swelling of the ground and for changes in the gas. A
tiltmeter is used to measure tiny changes in the slope of the ground. A seismometer is used to record the shaking that
rising magma causes. The United States Geological Survey (USGS) runs five volcano observatories.

To protect yourself from falling ash, stay indoors, close the windows and wear a mask that fits tightly when you go
out. To avoid a lahar, leave the valley floor and climb to high ground. You should shovel ash from a flat roof early,
because wet ash can weigh more than a tonne for each cubic metre.

## Where volcanoes are

Most volcanoes stand along the edges of tectonic plates. The Ring of Fire is a belt of volcanoes and earthquakes
around the Pacific Ocean. A hot spot is a place where magma rises from deep in the mantle, often far from the edge of
a plate. The Hawaiian Islands form a chain because the Pacific Plate moves over a hot spot that stays almost still.
"""

TREES = """
# Street Trees

A street tree is a tree that grows between the roadway and the buildings of a town, usually in a pit cut into the
pavement. Street trees cool the air, slow the rain on its way to the sewer, and make a street pleasant to walk in. A
street is also a hard place to live: the soil is compacted, salt is spread in winter, and roots share the ground with
pipes and cables.

## What street trees do

Trees cool a street in two ways: their leaves shade the ground, and the water that evaporates from the leaves takes
heat with it. An urban heat island is a town that is warmer than the country around it because stone and asphalt store
the heat of the sun. Evapotranspiration is the sum of the water that evaporates from the soil and the water that
plants give off through their leaves.

A canopy also holds back rain. The first millimetres of a shower stay on the leaves and never reach the ground, so
that less water runs into the sewers at once. Rows of trees along a road are used to slow traffic, because drivers
judge their speed by what passes at the edge of their view.

## Common species

| Species | Botanical name | Height | Known for |
|---|---|---|---|
| London plane | Platanus × hispanica | 30 metres | flaking bark and tolerance of soot |
| Small-leaved lime | Tilia cordata | 25 metres | scented flowers that feed bees |
| Ginkgo | Ginkgo biloba | 25 metres | fan-shaped leaves and freedom from pests |
| Norway maple | Acer platanoides | 20 metres | dense shade |
| Silver birch | Betula pendula | 20 metres | white bark and light shade |
| Honey locust | Gleditsia triacanthos | 20 metres | small leaflets that are easy to sweep |

The London plane is a hybrid of the oriental plane and the American sycamore that has been planted in cities since the
eighteenth century. The London plane does well in towns because it sheds its bark in plates, and the soot goes with
it. The ginkgo is the only living species of its division of plants. Several ginkgo trees in Hiroshima survived the
atomic bomb of 1945 and put out new leaves in the following spring. Towns prefer male ginkgo trees because the seeds
of female trees smell of rancid butter.

## Choosing a tree

To choose a tree for a street, compare its full height and width with the space between the kerb and the buildings.
Plant different species along different streets: a common rule of thumb allows no more than 10 percent of one species,
20 percent of one genus and 30 percent of one family. The rule exists because a single disease can clear a whole town.
Dutch elm disease killed more than 25 million elms in the United Kingdom after a new strain arrived in the late 1960s.

Dutch elm disease is a fungal disease that is carried from elm to elm by bark beetles. The disease owes its name to
the Dutch scientists who described it first, not to its origin.

## Planting

To plant a street tree, follow these steps:

1. Dig a pit that is twice as wide as the root ball and no deeper than the root ball is high.
2. Set the tree so that the root flare stands level with the pavement.
3. Fill the pit with the soil that came out of it and press it down gently.
4. Tie the trunk loosely to two stakes, and remove the stakes after two years.
5. Give the tree 50 litres of water at once, and as much every week of its first two summers.

The root flare is the place where the trunk widens into the roots. A tree that is planted too deep may die after
years, because buried bark rots and roots starve of air. Structural soil is a mix of stones and soil that can be
compacted under a pavement and still leaves room for roots.

## Pruning

Pruning is the removal of branches to keep a tree safe, healthy or in shape. The right place for a cut is just outside
the branch collar, which is the swollen ring at the base of the branch. A flush cut that removes the collar heals
badly, because the tree closes wounds with tissue from the collar. Trees do not heal like animals: they wall off
damaged wood and grow new wood around it. The American scientist Alex Shigo described this walling off in the 1970s
and called it compartmentalization of decay in trees (CODIT).

Pollarding is a form of pruning in which all young branches are cut back to the same knobs every few years. Pollarding
is used to keep large species small in narrow streets. Topping is the cutting of main branches to stubs; topping harms
a tree because the stubs rot and the new shoots are weakly attached.

## Measuring

The diameter at breast height (DBH) is the usual measure of the size of a trunk. The diameter is measured 1.3 metres
above the ground in most of Europe. To find the diameter of a trunk, measure its girth with a tape and divide the
girth by 3.14. A resistograph is used to detect decay inside a trunk: a thin needle is drilled in, and soft wood
resists it less.

## Roots and pavements

Roots lift paving stones because they grow where they find air and water, and both are found just below the paving.
Root barriers guide roots downwards, and larger pits make them unnecessary. Sewer pipes are rarely broken by roots;
roots enter through joints that leaked before.
"""

DANUBE = """
# Dunărea

Dunărea este al doilea fluviu ca lungime din Europa, după Volga. Fluviul are o lungime de aproximativ 2.850 de
kilometri și izvorăște din munții Pădurea Neagră, în Germania, unde se unesc râurile Breg și Brigach, la
Donaueschingen. Dunărea se varsă în Marea Neagră printr-o deltă aflată pe teritoriul României și al Ucrainei.

## Țări și capitale

Dunărea străbate sau atinge zece țări: Germania, Austria, Slovacia, Ungaria, Croația, Serbia, România, Bulgaria,
Republica Moldova și Ucraina. Niciun alt fluviu din lume nu trece prin atâtea state. Pe malurile Dunării se află patru
capitale: Viena, Bratislava, Budapesta și Belgrad. Sectorul românesc măsoară 1.075 de kilometri, de la Baziaș până la
vărsare.

Bazinul hidrografic al Dunării are o suprafață de peste 800.000 de kilometri pătrați și cuprinde teritorii din
nouăsprezece țări. Debitul mediu la intrarea în deltă este de aproximativ 6.500 de metri cubi pe secundă.

## Afluenți

| Afluent | Mal | Lungime |
|---|---|---|
| Inn | drept | 517 km |
| Drava | drept | 749 km |
| Tisa | stâng | 966 km |
| Sava | drept | 945 km |
| Olt | stâng | 615 km |
| Prut | stâng | 953 km |

Tisa este cel mai lung afluent al Dunării, iar Sava este afluentul cu cel mai mare debit. Prutul formează cea mai mare
parte a graniței dintre România și Republica Moldova.

## Defileul și Porțile de Fier

Între Baziaș și Gura Văii, Dunărea traversează Munții Carpați printr-un defileu lung de 134 de kilometri. La Cazane,
fluviul se îngustează până la aproximativ 150 de metri. Sistemul hidroenergetic Porțile de Fier I a fost construit de
România și Iugoslavia și a fost inaugurat în anul 1972. Insula Ada Kaleh, locuită de o comunitate turcă, a dispărut
sub apele lacului de acumulare.

Lângă Drobeta-Turnu Severin se mai văd piciorul podului construit de Apollodor din Damasc între anii 103 și 105, la
porunca împăratului Traian. Podul a permis armatei romane să treacă fluviul în timpul celui de-al doilea război cu
dacii.

## Delta Dunării

Delta Dunării este cea mai bine conservată deltă mare din Europa. Delta a fost înscrisă în patrimoniul mondial UNESCO
în anul 1991. Fluviul se desparte în trei brațe principale: Chilia, Sulina și Sfântu Gheorghe. Brațul Chilia este cel
mai lung și duce cea mai mare parte a apei. Brațul Sulina a fost îndreptat și adâncit în secolul al XIX-lea pentru
navigație, sub conducerea Comisiei Europene a Dunării, înființată în anul 1856.

În deltă trăiesc peste trei sute de specii de păsări, printre care pelicanul comun, pelicanul creț, egreta mare și
cormoranul mic. Stufărișurile deltei se numără printre cele mai întinse din lume.

## Poduri și canale

Podul de la Cernavodă, proiectat de inginerul Anghel Saligny, a fost inaugurat în anul 1895. La acea dată era cel mai
lung pod din Europa. Canalul Dunăre–Marea Neagră leagă Cernavodă de Agigea, are o lungime de 64,4 kilometri și a fost
deschis în anul 1984. Canalul scurtează drumul navelor spre portul Constanța cu aproximativ 400 de kilometri.

Canalul Main–Dunăre a fost terminat în anul 1992 și are o lungime de 171 de kilometri. Prin acest canal, navele pot
ajunge de la Rotterdam, la Marea Nordului, până la Sulina, la Marea Neagră.

## Cum se măsoară fluviul

Kilometrii Dunării se numără invers decât la alte fluvii: punctul zero se află la vărsare, la Sulina, iar numerele
cresc spre izvor. Sectorul maritim, dintre Sulina și Brăila, se măsoară în mile marine. Navigația este liberă pentru
navele tuturor statelor, conform convenției semnate la Belgrad în anul 1948.

Pentru a citi nivelul apei, se folosește o miră hidrometrică, adică o riglă gradată fixată la mal. Cota zero a mirei
nu este fundul albiei, ci un nivel ales cu mult timp în urmă; de aceea, cota poate fi și negativă.
"""
