"""Texts of the almanac about craft and kitchen, in the small markup that ``almanac_write.blocks`` reads."""

BICYCLE = """
# Bicycle Maintenance

A bicycle that is looked after for ten minutes a week needs few repairs. Most work can be done with a set of hexagon
keys, two tyre levers, a pump, a chain checker and a bottle of chain oil. The notes below hold for common bicycles
with a chain and cable or hydraulic brakes; the manual of the maker comes first where it says something else.

## The weekly check

To check a bicycle before a ride, go through the following points:

- Press the tyres, and pump them to the pressure printed on their side.
- Pull both brake levers; each must stop before it touches the handlebar.
- Spin both wheels and look for wobble, rubbing and loose spokes.
- Lift the front wheel and drop it from the height of a hand; a rattle betrays something loose.

## Chain

A chain is worn out when its links have lengthened by 0.75 percent, or by 0.5 percent on a drivetrain with eleven or
more sprockets. A worn chain should be replaced early because it wears the sprockets, which cost more than the chain.
A chain checker is a gauge that is used to measure how far a chain has lengthened.

To clean a chain, wipe it with a dry cloth while you turn the pedals backwards. To oil a chain, put one drop on each
roller, turn the pedals for half a minute, and wipe off all oil that you can see. Oil that stays on the outside does
harm because it binds dust, and dust grinds the metal.

## Wheels

A wheel is true when its rim runs straight and round. A nipple is the small nut that joins a spoke to the rim. Spokes
on the left side of the hub pull the rim to the left, and spokes on the right side pull it to the right.

To true a wheel, turn the bicycle upside down and use the brake pads as a gauge. Mark the place where the rim comes
closest to a pad. Tighten the nipples on the opposite side by a quarter of a turn, and loosen those on the near side
by the same amount. Small steps are best because each spoke changes the tension of its neighbours.

## Tyres and tubes

The size of a tyre is printed on its side in the form of the standard ISO 5775, for example 37-622. The first number
is the width of the tyre in millimetres. The second number is the diameter of the bead seat of the rim in millimetres.
A Presta valve is a narrow valve with a small nut on its tip that must be loosened before pumping. A Schrader valve is
a wide valve with a spring inside, as it is used on cars.

To mend a puncture, follow these steps:

1. Take the wheel out and let out all the air.
2. Lift one side of the tyre over the rim with two levers.
3. Pull out the tube, pump it up and listen for the hole.
4. Roughen the tube around the hole, spread rubber solution thinly, and wait until it looks dry.
5. Press the patch on firmly for one minute.
6. Feel along the inside of the tyre for the thorn or the glass before the tube goes back.

## Brakes

Rim brakes are brakes that press two pads against the rim of the wheel. Disc brakes are brakes that press two pads
against a metal disc on the hub. Pads of rim brakes must be replaced when their grooves have worn away. Pads of disc
brakes must be replaced when less than one millimetre of lining is left. Never touch a disc with an oily finger,
because oil makes the lining squeal and robs it of its grip.

To adjust the brake of a cable, turn the barrel adjuster at the lever until the pads stand two millimetres from the
rim. Toe-in is the slight tilt by which the front edge of a pad touches the rim first. Toe-in is used to stop a brake
from squealing.

## Pedals and threads

The left pedal has a left-hand thread, so it is unscrewed clockwise. The thread is left-handed because the slow
rolling of the bearing would otherwise loosen the pedal while riding. Grease keeps the steel of the pedal from seizing
in the aluminium of the crank.

## Torque

Torque is the turning force on a bolt, and it is measured in newton metres. A torque wrench is a tool that shows or
limits the torque. Carbon parts crack easily when they are clamped too hard.

| Part | Typical torque | Tool |
|---|---|---|
| Stem faceplate bolts | 5 newton metres | 4 mm hexagon key |
| Seat post clamp | 6 newton metres | 5 mm hexagon key |
| Pedals | 35 newton metres | 15 mm spanner |
| Cassette lockring | 40 newton metres | lockring tool |

## Gears

A derailleur is a mechanism that moves the chain from one sprocket to another. Limit screws stop the derailleur at the
largest and the smallest sprocket. Cable tension decides the positions between. To cure a chain that climbs slowly to
larger sprockets, turn the barrel adjuster anticlockwise by half a turn to add tension. If the chain still jumps,
check whether the derailleur hanger is bent.

## When to see a mechanic

A cracked frame, a bent fork, a loose headset that cannot be adjusted and a hydraulic brake with air in it belong in a
workshop. You should replace a helmet after every fall, because the foam is crushed once and does not recover.
"""

BREAD = """
# Bread and Sourdough

Bread is a food that is baked from a dough of flour and water, usually raised by yeast or by a sourdough culture. Four
ingredients are enough for a good loaf: flour, water, salt and a leaven. Time and temperature do the rest.

## Words of the bakery

Gluten is a network of protein that forms when wheat flour is wetted and kneaded. Gluten holds the gas that the yeast
makes, and so it lets the dough rise. Hydration is the weight of the water in a dough as a percentage of the weight of
the flour. Proofing is the last rise of a shaped loaf before it goes into the oven. Crumb is the soft inside of a
loaf, and crust is its hard outside. Oven spring is the sudden growth of a loaf in its first ten minutes in the oven.

Baker's percentage is a way of writing recipes in which every ingredient is given as a percentage of the weight of the
flour. Flour is always 100 percent. A dough of 1,000 grams of flour, 700 grams of water, 20 grams of salt and 10 grams
of dried yeast has a hydration of 70 percent, 2 percent of salt and 1 percent of yeast.

## Hydration

| Bread | Hydration | Handling |
|---|---|---|
| Bagel | 55 percent | stiff and easy to shape |
| Sandwich loaf | 62 percent | soft and smooth |
| Baguette | 68 percent | slightly sticky |
| Country sourdough | 75 percent | sticky, needs folding |
| Ciabatta | 80 percent | very wet, poured more than shaped |

To work out the water for a loaf, multiply the weight of the flour by the hydration and divide by 100. Wet doughs give
an open crumb because large bubbles can grow in a loose network. Wholemeal flour needs more water than white flour
because bran soaks it up.

## Sourdough

A sourdough starter is a culture of wild yeasts and lactic acid bacteria that lives in flour and water. The yeasts
make the gas that raises the bread, and the bacteria make the acids that give it its taste. Sourdough bread keeps
longer than yeasted bread because its acids slow the growth of mould.

To make a starter, do the following:

1. Mix 50 grams of wholemeal rye flour with 50 grams of lukewarm water in a clean jar.
2. Cover the jar loosely and keep it at about 25 degrees Celsius for one day.
3. Throw away half of the mixture, and add 50 grams of flour and 50 grams of water.
4. Repeat the feeding every day until the mixture doubles within six hours, which takes about a week.

To keep a starter for weeks without baking, store it in the refrigerator and feed it once a week. A grey liquid on top
of a starter is alcohol and water; it means that the starter is hungry. A starter that shows pink or orange streaks
must be thrown away, because it has been taken over by harmful bacteria.

## Kneading and resting

Autolyse is a rest of flour and water before salt and leaven are added. The French baker Raymond Calvel introduced
autolyse in the 1970s. Autolyse shortens kneading because gluten forms by itself while the flour soaks. Salt is added
after autolyse because it tightens the gluten.

The windowpane test is used to tell whether a dough has been kneaded enough. To do the windowpane test, stretch a
small piece of dough between your fingers; it should become thin enough to let light through before it tears. Stretch
and fold is a gentle way of kneading in which one side of the dough is pulled up and folded over the middle.

## Baking

The oven should be heated to 250 degrees Celsius for a country loaf and turned down to 220 degrees after fifteen
minutes. Steam is let into the oven at the start because a moist surface stays soft and lets the loaf grow. A baker
scores the loaf with a blade so that it opens where the baker wants and not at its side.

The crust turns brown by the Maillard reaction, a reaction between amino acids and sugars that begins at about 140
degrees Celsius. A loaf of lean dough is baked through when its centre has reached about 96 degrees Celsius. If you
have no thermometer, you can knock on the bottom of the loaf: a baked loaf sounds hollow.

## Faults and their causes

| Fault | Likely cause | Remedy |
|---|---|---|
| Dense crumb | proofed too short | let the loaf rise longer |
| Flat loaf | proofed too long | bake the loaf earlier |
| Pale crust | oven too cool | heat the oven longer |
| Gummy crumb | cut while hot | wait two hours before cutting |

Bread becomes stale mainly because its starch crystallises, not because it dries out. Staling is fastest in the
refrigerator. Bread should therefore be kept at room temperature for a few days or frozen.
"""

KNOTS = """
# Useful Knots

A knot is a way of fastening rope to itself, to another rope or to an object. Seven knots serve for almost everything
that is done in a boat, in a tent camp or on a farm. The best known collection is The Ashley Book of Knots by Clifford
Ashley, which was published in 1944 and has more than 3,800 entries.

## Parts of a rope

The standing part is the part of a rope that is under load or fixed. The working end is the end that is used to tie
the knot. A bight is a bend of rope that does not cross itself. A loop is a bend of rope that crosses itself. A hitch
is a knot that fastens a rope to an object, such as a post or a ring. A bend is a knot that joins two ropes. A stopper
is a knot that keeps a rope from slipping through a hole.

Every knot weakens the rope it is tied in, because the fibres on the outside of a tight curve carry more than their
share of the load. A rope with a bowline keeps roughly two thirds of its strength.

## Bowline

The bowline is a knot that makes a fixed loop at the end of a rope. The bowline neither slips nor jams, and it can be
untied after a heavy load. To tie a bowline, make a small loop in the standing part, bring the working end up through
the loop, pass it behind the standing part, and lead it back down through the loop. A bowline in stiff or slippery
rope may shake loose, so leave a long end.

## Reef knot

The reef knot is a flat knot that joins the two ends of one rope around a bundle. Sailors use the reef knot to tie up
the loose part of a reefed sail. To tie a reef knot, cross right over left and tuck under, then cross left over right
and tuck under. The reef knot must never be used to join two ropes under load, because it can turn into two half
hitches that slip apart. A granny knot is a reef knot that was tied with two crossings in the same direction; a granny
knot slips and jams.

## Clove hitch

The clove hitch is a quick knot that ties a rope to a post. To tie a clove hitch, wrap the working end around the
post, cross over the standing part, wrap it around again, and tuck it under the last turn. The clove hitch may slip
when the pull changes direction, so it is finished with two half hitches where nobody watches it.

## Sheet bend

The sheet bend is a knot that joins two ropes of different thickness. To tie a sheet bend, form a bight in the thicker
rope, pass the thinner rope up through the bight, around behind both parts of it, and under itself. A double sheet
bend takes one more turn, and it holds better when the ropes are of very different size.

## Figure-eight knot

The figure-eight knot is a stopper that is easy to undo after it has been pulled tight. Climbers tie the figure-eight
follow-through to fasten the rope to the harness. Climbers prefer the figure-eight follow-through because a partner
can check it at a glance: every strand lies beside its twin.

## Round turn and two half hitches

The round turn and two half hitches is a knot that moors a boat to a ring or a rail. The round turn takes the load, so
that the hitches can be tied and untied while the rope is still under tension.

## Trucker's hitch

The trucker's hitch is a knot that tightens a rope over a load. To tie a trucker's hitch, make a slipped loop in the
standing part, lead the working end around the hook and up through the slipped loop, pull down hard, and secure the
end with two half hitches. The slipped loop acts like a pulley and gives a pull that is nearly three times as strong
in theory; friction takes a good part of it away.

## Which knot for which task

| Task | Knot |
|---|---|
| Fixed loop at the end of a rope | bowline |
| Tie a parcel or a bundle | reef knot |
| Fasten a rope to a post | clove hitch |
| Join two ropes of different thickness | sheet bend |
| Keep a rope from running out of a block | figure-eight knot |
| Moor a boat to a ring | round turn and two half hitches |
| Tighten a rope over a load | trucker's hitch |

## Care of rope

Nylon rope stretches by up to a third before it breaks, so it is used for anchors and towing. Polyester rope stretches
little, so it is used for sheets and halyards. Polypropylene rope floats, so it is used for lifelines. Whipping is a
binding of thin twine that keeps the end of a rope from fraying. To seal the end of a synthetic rope, melt it with a
flame and press it flat with a wet tool. Rope should be stored dry, out of the sun, because ultraviolet light makes
synthetic fibres brittle. A rope that has caught a falling climber's full weight, that is cut, stiff or glazed by heat
should not be trusted again.
"""

BURNS = """
# First Aid for Burns

A burn is an injury to the skin caused by heat, electricity, chemicals, friction or radiation. A scald is a burn
caused by hot liquid or steam. What is done in the first minutes decides how deep the injury becomes, because heat
goes on travelling into the skin after the flame is gone. The notes are general knowledge for helpers; they do not
replace a first aid course or a doctor.

## What to do at once

To treat a burn, follow these steps in order:

1. Stop the burning: move the person away from the heat, and smother flames with a blanket or roll the person on the
   ground.
2. Cool the burn under cool running water for 20 minutes.
3. Take off rings, watches and clothing near the burn before it swells, but leave whatever sticks to the skin.
4. Cover the burn with cling film laid lengthways, or with a clean, fluffless dressing.
5. Keep the rest of the person warm.

Cool running water helps for up to three hours after the injury. Ice should not be used, because it narrows the
vessels and can damage the skin further. Butter, oil and toothpaste should not be put on a burn because they hold the
heat in and must be scraped off later. Cling film is a good first dressing because it does not stick, is nearly
sterile and lets the doctor see the burn. Cling film is laid on in strips and never wound around an arm or a leg,
because the limb will swell.

Blisters should be left closed. An unbroken blister is a sterile cover that protects the new skin below it.

## Depth of burns

Doctors grade a burn by the depth of the skin it has reached. The epidermis is the outer layer of the skin. The dermis
is the thick layer below it, which holds the nerves, the hair roots and the small blood vessels.

| Grade | Looks like | Feels | Heals |
|---|---|---|---|
| Superficial burn | red and dry, without blisters | painful | within a week |
| Superficial partial-thickness burn | pink and moist, with blisters | very painful | within three weeks |
| Deep partial-thickness burn | blotchy red or white | less painful | in more than three weeks, with scars |
| Full-thickness burn | white, brown or charred, leathery | numb | only at the edges, usually with a skin graft |

A full-thickness burn is often painless in its middle because the nerves of the skin have been destroyed. A painless
burn is therefore no small burn.

## Size of burns

The size of a burn is given as a share of the total body surface area (TBSA). The rule of nines is a quick way of
estimating that share in adults: it divides the body into parts of 9 percent or multiples of 9 percent. The palm of
the injured person's hand, fingers included, is about 1 percent and can be used to estimate small or scattered burns.

| Part of the body | Share in adults |
|---|---|
| Head and neck | 9 percent |
| Each arm | 9 percent |
| Front of the trunk | 18 percent |
| Back of the trunk | 18 percent |
| Each leg | 18 percent |
| Groin | 1 percent |

The rule of nines does not fit small children, because their heads are larger and their legs are shorter in
proportion.

## When to call for help

You must call the emergency number if the person has burns of the face, the mouth or the throat, has breathed smoke,
or is in shock. The number 112 works in all countries of the European Union. The following burns belong in a hospital:

- Burns that are larger than the hand of the injured person.
- Deep burns of any size that look white or charred.
- Burns of the face, neck, hands, feet, joints or genitals.
- All burns by electricity or chemicals.
- Burns of small children, of old people and of pregnant women.

Smoke is dangerous because it carries carbon monoxide, a gas without colour or smell that takes the place of oxygen in
the blood. Signs of burned airways are soot around the nose, singed hair in the nostrils and a hoarse voice. Let a
person with burned airways sit upright.

## Chemical burns

To treat a chemical burn, put on gloves, brush off dry powder, take off soaked clothing and rinse the skin with
running water for at least 20 minutes. Dry powder is brushed off first because some chemicals react with water. If a
chemical has entered an eye, you must rinse the eye from the nose outwards so that nothing runs into the other eye.

## Electrical burns

To help a person who has touched a live wire, switch off the current before you touch the person. An electrical burn
may be worse than it looks, because the current damages muscle and heart on its way between entry and exit. Everyone
who has had a shock from high voltage needs a hospital, even when the skin shows little.

## Sunburn

Sunburn is a superficial burn caused by ultraviolet radiation. To treat sunburn, go into the shade, cool the skin with
water, drink plenty and use a moisturising lotion. Sunburn with blisters over a large area should be seen by a doctor.

## Prevention

Most scalds of small children happen in the kitchen. Handles of pans should be turned to the back of the stove. Bath
water should be tested with the elbow before a child is put in; 37 degrees Celsius is warm enough. A smoke alarm
should be tested every month, and its battery should be changed when it chirps.
"""
