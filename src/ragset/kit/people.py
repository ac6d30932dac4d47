"""Who can be "he" or "they", and who does things: words for persons and organisations, and how such words end."""

from __future__ import annotations

from ragset.kit.question_form_words import word_set

_PEOPLE = word_set(
    "person man woman boy girl child baby father mother parent son daughter brother sister husband wife king queen "
    "prince princess poet pilot guy lady gentleman monk nun witch hero heroine guest host friend neighbour neighbor "
    "chief judge clerk nurse cook thief god goddess pope saint bishop priest spouse pupil expert captain athlete "
    "someone somebody anyone anybody everyone everybody nobody he him his she her hers himself herself one individual "
    "member human patient student applicant assistant president resident agent client tenant servant lieutenant "
    "infant adult champion surgeon physician guardian librarian historian musician politician technician mayor lord "
    "duke count countess rival artist chef coach nephew niece uncle aunt cousin widow orphan victim suspect witness "
    "fan bride groom male female actress hostess waitress duchess stewardess plaintiff defendant accused deceased "
    "insured consultant immigrant emigrant migrant participant claimant appellant respondent correspondent accountant "
    "attendant occupant descendant merchant sergeant spy informant inhabitant combatant contestant complainant "
    "commandant entrant registrant adolescent adherent opponent proponent recipient parishioner "
    "teen teenager youngster rebel pirate slave serf peasant hermit pharaoh emperor empress sultan "
    "shah tsar czar marquis baron baroness viscount knight squire nomad newcomer bachelor graduate "
    "undergraduate candidate delegate advocate magistrate pathologist diplomat bureaucrat aristocrat democrat "
    "veteran architect carpenter chemist mechanic critic medic paramedic cleric heretic "
    "convict wizard steward coward bard bodyguard sibling hacker cop vet comrade colleague "
    "intern apprentice ally rabbi imam caliph monarch"
)
_DOES = ("er", "or", "ist", "eer", "man", "woman", "ee", "person", "ian", "men", "people")
"""How nouns end that name who does something."""
_NOBODY = word_set(
    "number paper water order letter power winter summer weather matter answer chapter computer river other another "
    "after under never over whether either rather together however further later former latter greater higher lower "
    "better larger smaller longer per error factor color motor sector vector major minor prior superior interior for "
    "more before therefore or nor layer fever cancer silver copper timber timer tower shower flower finger shoulder "
    "corner border header folder server printer parameter character meter metre liter centimeter diameter register "
    "buffer pointer filter container offer fee degree tree three free see list exist consist persist resist floor "
    "door indoor outdoor mirror terror horror flavor favor harbor labor behavior ladder bladder butter dinner supper "
    "manner banner center theater ever every german roman coffee agree between steer beer deer bear near fear "
    "committee iterator generator constructor descriptor selector connector compressor transistor elevator calculator "
    "indicator radiator resistor compiler parser loader scanner heater boiler counter cursor router tracker carrier "
    "trailer starter adapter wrapper helper handler marker spacer fastener cover newsletter quarter thunder cylinder "
    "powder spider tiger lobster oyster otter beaver ruler drawer locker mixer washer dryer freezer burner cooler "
    "rubber amber october november december september easter median obsidian meridian avian reptilian mammalian "
    "amphibian crocodilian gaussian bayesian cartesian laplacian jacobian hessian hamiltonian lagrangian riemannian "
    "devonian permian silurian cambrian precambrian valerian agrarian utilitarian sectarian riparian simian "
    "specimen regimen abdomen acumen stamen lumen bitumen cyclamen ramen semen"
)
GROUPS = word_set(
    "people men women children mice feet teeth geese data criteria media fish sheep deer cattle pair majority "
    "minority population class audience generation bacteria fungi larvae algae phenomena species series offspring "
    "poultry wildlife livestock youth folk crowd enemy elderly homeless unemployed salmon trout "
    "cod tuna shrimp squid herring mackerel carp halibut krill plankton aircraft spacecraft hovercraft watercraft "
    "moose elk bison buffalo caribou reindeer swine quail grouse vermin lice oxen dice genera nuclei alumni cacti "
    "stimuli vertebrae antennae formulae strata spectra corpora they them their theirs both everybody everyone someone "
    "somebody anyone anybody nobody each every any all many most some several two three four five six seven eight "
    "nine ten twelve"
)
"""Words for several without an s, and for any number of somebody or something."""
ORGANISATIONS = word_set(
    "police family team staff company government group committee board crew army band congress parliament court "
    "agency council club firm office department union party press bank ministry university school hospital commission "
    "bureau authority organization organisation institution association corporation business society church jury "
    "panel senate administration service management legislature cabinet municipality county state couple public "
    "community household"
)
"""Groups that act as one."""
_SEVERAL_PEOPLE = word_set("people men women children wives everyone everybody someone somebody anyone anybody nobody")


def is_person(word: str) -> bool:
    """Tell whether a noun in small letters names a person or persons."""
    one = word if word in _PEOPLE else word.removesuffix("s")
    if one in _PEOPLE:
        return True
    return len(one) > 4 and one.endswith(_DOES) and not {one, word} & _NOBODY


def acts(noun: str) -> bool:
    """Tell whether a noun names somebody who does things: a person or an organisation, one or several."""
    low = noun.lower()
    singular = low.removesuffix("ies") + "y" if low.endswith("ies") else low.removesuffix("s")
    return is_person(low) or bool({low, singular, low.removesuffix("es")} & ORGANISATIONS) or low in _SEVERAL_PEOPLE
