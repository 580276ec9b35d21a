"""What each word can be in a caption about a person: our own classes first, then the lexicon that textblob bundles.

A class is one character, so that a tagged caption is a string and the grammar a regular expression:

    n  garment, accessory or other thing              N  takes a numeral (number 23)         M  material: z before a, c, n ..., else n
    u  thing that takes a particle (button up)        p  person                              b  part or trait of the body
    s  place or abstract noun                         m  measure (pair of)                   c  colour
    a  adjective                                      z  may follow a noun (knee length)     y  may take a particle (rolled up)
    G  only before a noun (running shoes, rain coat)  r  degree adverb (very)                l  place adjective (left)
    d  determiner, possessive, count                  t  particle (up, down)                 k  and, or
    w  wears, in (a colour alone may follow)          e  form of to be                       0  numeral        .  anything else
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

from cada.errors import CadaError

_CLASSES = {
    "n": """
    afro apron attire backpack badge bag bandana bangs beads beanie beard bell belt beret bib bicycle bike blazer blouse bob
    bodysuit bonnet book boot boots bottle bottoms bow box bra bracelet braid braids briefcase buckle bun cane cap cape cardigan
    cart case cell chain checks chinos cigarette clip clogs clothes clothing clutch coat coffee collar converse cord crew crocs
    cuff cuffs cup dog dots dreadlocks dress dresses duffel earbuds earphones earrings edge edges fanny flats flip flops
    flower flowers folder footwear fringe garment glasses gloves goatee gown hair hairband haircut handbag handkerchief hat hats
    headband headphones headscarf heel heels helmet hem hole holes hood hoodie hoody hose jacket jackets jeans jersey jewelry
    joggers jumper jumpsuit kerchief khakis knapsack knee-highs laces lanyard laptop legging leggings leotard lettering letters
    lipstick loafers logo luggage mask mittens moustache mustache neckerchief necklace newspaper notebook numbers outerwear outfit
    overalls overcoat overshirt pack pajamas pant pants pantyhose parasol parka patch patches pattern phone piping plaits pleats
    pocketbook polka polo poncho pony ponytail pouch print pullover pumps purse raincoat ribbon ring robe romper rucksack ruffles
    sack sandal sandals sari satchel scarf schoolbag scooter scrubs sequins shades shawl shirt shirts shoe shoes shorts
    shoulderbag skateboard ski skirt skirts slacks sleeves slides slippers smock sneaker sneakers sock socks sole soles spectacles
    sport sports square stick stilettos stockings strap straps stripes stroller stubble studs suit suitcase suits sunglasses
    suspenders sweater sweaters sweatpants sweats sweatshirt swimsuit tail tank tassels tattoo tattoos tee tees tennis thermos
    thong tie tie-dye ties tights toe top tops tote towel tracksuit trainers trench trim trousers trunk trunks tshirt tube tunic
    turban turtleneck tuxedo umbrella undershirt underwear uniform uppers vest visor waistband waistcoat wallet watch wedges
    wheelchair wig windbreaker writing zipper zippers
    """,
    "p": """
    adult adults baby boy boys child children cyclist female females gentleman gentlemen girl girls guy guys individual infant kid
    kids ladies lady male males man men pedestrian pedestrians people person persons scout shopper student students subject teen
    teenager teenagers toddler tourist walker woman women worker youth
    """,
    "b": """
    ankle ankles arm arms belly body build buttocks calf calves chest chin complexion ear ears elbow elbows eye eyes face feet
    figure finger fingers foot forearm forearms forehead hand hands head height hip hips knee knees lap leg legs mid-calf
    mid-thigh mouth neck nose physique pocket pockets shoulder shoulders skin stature stomach thigh thighs torso waist wrist
    wrists
    """,
    "s": """
    age anything appearance area back background bottom building buildings camera car cars center centre conversation corridor
    crosswalk day direction distance door else end ends fashion fifties floor foreground forties frame front grass ground hallway
    hurry image inches left-hand line mall manner middle morning night nothing others path pavement photo photograph picture place
    pose posture rest right-hand road room shade shop side sides sidewalk sixties something staircase stairs step steps store
    teens thirties time times twenties view viewer walk wall way weather word words year years
    """,
    "a": """
    adidas african aged american ankle-high asian athletic autumn average backless baggy bald balding bare barefoot beautiful
    bespectacled big braided bright bulky buttoned camo camouflage casual caucasian checked checkered chubby clean clear closed
    colorful colourful covered crisp cropped curly curly-haired dark diagonal dirty distinctive distressed dotted double dull dyed
    elderly electric elegant european faded fancy fat fitted flat floral flowered flowery fluffy fluorescent foldable formal
    frayed friendly frilly full furry fuzzy glossy good-looking graphic half handsome hawaiian heather heavy heavy-set heavyset
    high-waisted hispanic hooded horizontal huge indian knee-high lacy large light lightweight little long loose lovely low-cut
    matching maxi medium messy middle-aged midi military mini modern multi multi-colored multicolored muscular narrow neat neon
    new nike old older opaque open outstretched oval oversized overweight pale patterned petite plaid plain pleated plump pointed
    pointy ponytailed pretty printed puffy quarter rectangular reflective ribbed ripped round ruffled see-through shaggy shaved
    sheer shiny short silky similar simple single skinny sleeveless slender slim slouchy small solid spiky sporty spotted stocky
    straight strapless strappy striped strong stylish summer tall tanned teenage thick thigh-high thin three-quarter
    three-quarters tidy tight tiny toned torn traditional transparent triple tropical two-toned unbuttoned unzipped vertical wavy
    wide winter woolen woolly wooly young younger zipped
    """,
    "c": """
    aqua auburn beige black blackish blond blonde blue bluish bronze brown brownish brunette burgundy camel charcoal coral cream
    crimson cyan ginger gold golden gray grayish green greenish grey greyish indigo ivory khaki lavender lilac lime magenta maroon
    mint mustard navy nude off-white olive orange peach pink pinkish purple purplish red reddish rose royal salmon scarlet silver
    silvery sky tan teal turquoise violet white whitish yellow yellowish
    """,
    "z": """
    brimmed collared color colored colour coloured fit fitting framed haired heeled high knit knitted legged length lensed lined
    necked neckline padded quilted rimmed shaped size sized sleeved soled style styled toed tone tones trimmed waisted wash woven
    """,
    "u": "button buttons zip zips pull slip lace-up hook",
    "y": "rolled turned cuffed tucked cut-off folded cut",
    "G": """
    bathing beach climbing dancing flowing golf hiking ice jogging rain riding rolling running sewing shopping skating sleeping
    snow street sun swim swimming training walking working
    """,
    "r": """
    almost brightly darkly extremely fairly lightly loosely mid mostly nearly neatly partially partly quite rather really
    relatively slightly so somewhat tightly very
    """,
    "t": "down up off on over out",
    "l": "left right upper lower rear",
    "d": """
    a all an another any both each eight either every few five four her his its many more multiple my neither nine no one other
    our own same seven several six some ten the their these this those three two various whose your
    """,
    "k": "and or & and/or",
    "e": "am appear appears are be been being is look looks seem seems was were",
    "w": "in wearing wears wear wore dressed donning dons sporting",
    "m": "pair pairs set sets piece pieces kind kinds type types sort couple bunch variety lot lots",
    "M": """
    canvas cloth corduroy cotton denim flannel fleece fur jean lace leather linen mesh nylon paper plastic rubber satin silk
    sleeve straw stripe suede tweed v-neck velour velvet wool
    """,
    "N": "number numeral",
    ".": """
    above accented accompanied across against ahead alone along also around as at attached away backward backwards behind below
    bent beside between but by can carried carries carry carrying checking clipped combined comes consists covering covers crossed
    crosses crossing did do does done downward downwards draped drinking eating enters equipped faces facing falls features
    featuring for forward forwards from goes going had hanging hangs has have having he headed heading held here herself hidden
    him himself hold holding holds however if inside into it just knotted leaning like likely looking loosened made matched may
    maybe might moving much must near next not of only onto outside paired parted perhaps posing possibly pulled pulling pulls
    pushed pushes pushing raised reaches reaching reading reads ride rides rolls says seen she should showing shown shows sits
    sitting slung somebody someone stand standing stands stops stuffed swinging taking talking talks texting than that them then
    there they through tied to together too topped toward towards turning twisting under underneath upward upwards using visible
    walked walks wants well what when where which while who will with without worn would wrapped written
    """,
}
_PENN = {"JJ": "a", "NN": "n", "NNS": "n", "NNP": "n", "NNPS": "n", "FW": "n", "CD": "d", "DT": "d", "PRP$": "d", "PDT": "d"}


@functools.cache
def words() -> dict[str, str]:
    """Class of every known word. Errors: `CadaError` when textblob's lexicon is not where textblob keeps it."""
    return _general() | {word: tag for tag, listed in _CLASSES.items() for word in listed.split()}


def _general() -> dict[str, str]:
    """textblob's lexicon, read from its file: importing textblob takes five seconds, mostly for parts not used here."""
    spec = importlib.util.find_spec("textblob")
    path = Path(spec.origin).parent / "en" / "en-lexicon.txt" if spec and spec.origin else Path("textblob")
    if not path.is_file():
        raise CadaError(f"{path}: the tagger's word list is missing. Install it: pip install 'cada[train]'.")
    entries = (line.split() for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(";;;"))
    return {entry[0]: _from_penn(*entry) for entry in entries if len(entry) == 2 and entry[0][0].isalpha()}


def _from_penn(word: str, tag: str) -> str:
    """A past participle of a caption describes more often than it tells: a beaded bag."""
    if word.endswith("ed") and tag in ("VBD", "VBN"):
        return "a"
    return _PENN.get(tag, ".")


def guess(word: str) -> str:
    """Class of a word that no list has, by its last part and its ending; things are what captions have most words for."""
    last = word.replace("/", "-").rpartition("-")[2]
    if last != word:
        return _of_compound(last)
    if word[0].isdigit():
        return "0"
    if word.endswith("ing"):
        return "."
    if word.endswith("ed"):
        return "a"
    return "r" if word.endswith("ly") else "n"


def _of_compound(last: str) -> str:
    """Class of a hyphenated or slashed word: black/white is a colour, t-shirt a thing, button-up an adjective."""
    tag = words().get(last) or guess(last)
    return tag if tag in "npbcaz0" else "a"
