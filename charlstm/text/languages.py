"""Letters of languages by how often they occur, and the encodings that texts in them come in.

Knows: what tells one encoding of a language from another. Only orders matter here, and only roughly.
Does not know: how bytes are judged by it.
"""

from __future__ import annotations

from dataclasses import dataclass

_WEST = ("cp1252", "iso8859-15", "mac-roman", "cp850", "cp437")
_CENTRAL = ("cp1250", "iso8859-2", "cp852", "mac-latin2")
_BALTIC = ("cp1257", "iso8859-13", "iso8859-4", "cp775")
_TURKISH = ("cp1254", "iso8859-9", "mac-turkish", "cp857")
_CYRILLIC = ("cp1251", "koi8-r", "koi8-u", "iso8859-5", "cp866", "mac-cyrillic", "cp855")
_GREEK = ("cp1253", "iso8859-7", "mac-greek", "cp737")
_HEBREW = ("cp1255", "iso8859-8", "cp862")
_ARABIC = ("cp1256", "iso8859-6", "cp720", "mac-farsi", "mac-arabic")


@dataclass(frozen=True)
class Language:
    """What is written in it, and how it may be encoded."""

    encodings: tuple[str, ...]
    """The most usual one first; of two that give the same text the first is named."""
    letters: str
    """Those beyond ASCII, the most frequent first; of small letters only, where there are capitals."""
    others: float = 0.02
    """The share that all other letters have together: large where `letters` are only the most frequent of thousands."""


LANGUAGES = (
    Language(_WEST, "é"),  # English, with its quotation marks
    Language(_WEST, "éèàêçôîûùâïëœüæÿö"),  # French
    Language(_WEST, "üäöß"),  # German
    Language(_WEST, "óíáéñúüºª"),  # Spanish
    Language(_WEST, "ãçéáóíêõâúàôºª"),  # Portuguese
    Language(_WEST, "èàùòéìî"),  # Italian
    Language(_WEST, "àéèóíòçúïü"),  # Catalan
    Language(_WEST, "äåöé"),  # Swedish, Finnish
    Language(_WEST, "åøæéòôó"),  # Danish, Norwegian
    Language(("cp1252", "mac-iceland", "cp861", "cp850"), "áðíéöóúæþýâ"),  # Icelandic
    Language(_WEST, "ëéïüóèöä"),  # Dutch
    Language((*_WEST, "iso8859-14"), "âôêîûŵŷáéíóú"),  # Welsh, Irish
    Language(_CENTRAL, "łęąóżśćńź"),  # Polish
    Language(_CENTRAL, "íáéěřžčšýůúťďóň"),  # Czech
    Language(_CENTRAL, "áíéčúžýšťôľĺŕďäóň"),  # Slovak
    Language(_CENTRAL, "áéöíóőüűú"),  # Hungarian
    Language(_CENTRAL, "čšžćđ"),  # Croatian, Slovene
    Language((*_CENTRAL, "iso8859-16"), "ăîâșțşţ"),  # Romanian
    Language(_BALTIC, "āīēšņļūžģķč"),  # Latvian
    Language(_BALTIC, "ėžšįųūčąę"),  # Lithuanian
    Language(_BALTIC, "äõüöšž"),  # Estonian
    Language(_TURKISH, "ıüşğöçâîû"),  # Turkish
    Language(("iso8859-3",), "ĉĝĥĵŝŭ"),  # Esperanto
    Language(("iso8859-3",), "ħżġċà"),  # Maltese
    Language(("cp1258",), "đư\u0301\u0300\u0323\u0309\u0303ơáôêăâàếạ"),  # Vietnamese, its tones being characters of their own
    Language(_CYRILLIC, "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёъ"),  # Russian
    Language(_CYRILLIC, "оаниівртесклмудпязьбгйчхжцшюїщєфґ"),  # Ukrainian
    Language(_CYRILLIC, "аиоентрсвлкдпмзгубчшъцйжщхяюфь"),  # Bulgarian
    Language(_CYRILLIC, "аиоенрстјкувдмлпзгбчшцњхжљћђџф"),  # Serbian
    Language(_CYRILLIC, "аонідселрктмяувыпзьбўйгчцжшхёюэф"),  # Belarusian
    Language(_GREEK, "αοιτεσνηυρπκμλςάίόέήδγύθχφβώξζψϊϋΐΰ"),  # Greek
    Language(_HEBREW, "יוהלאתרבשמםנדעחקכפןטגצזסךץף"),  # Hebrew
    Language(_ARABIC, "اليمونترةبعدسفهكقحجشطصخأضذزىثغءإئظآؤ\u064b\u064e\u064f\u0650\u0651\u0652،؟؛"),  # Arabic
    Language(_ARABIC, "اینردتمهوشبسکلزفگخعقجپحآطصضذظثغچژ\u200c،؟؛"),  # Persian
    Language(
        ("cp874", "iso8859-11"),
        "านรอกเงมยลวดทสต\u0e31\u0e35\u0e48\u0e49ปบคหพจขชใไโแ\u0e34\u0e37\u0e38\u0e39\u0e47\u0e4cะำผถซณธศษภฟญฐฉฎฆๆฯ",
    ),
    Language(
        ("shift-jis", "cp932", "shift-jis-2004", "euc-jp", "euc-jis-2004"),
        "のにいるたはをとがしてなでっれかもらりこすさうんまくあ。、よけきせどだそわめえろつみーやおじちひ「」ねふほゆげご"
        "ンスルトイラリアドクシレジタフロカテマムバコサメデプエウュニキッパセオグボペチ一人日大年出本中子見国言上分生手自行者"
        "二間事思時気会十家女三前的方入小地合後目長場代私下立部学物月田何来彼話体動社知理山内同心発高実作当新世今書度明五戦",
        others=0.15,
    ),
    Language(
        ("gb18030",),
        "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家"
        "，。种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把"
        "机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加"
        "西月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活更别打女"
        "变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直资命山金指许区保至形社便空决治马五眼书非听白却光",
        others=0.2,
    ),
    Language(
        ("big5", "cp950", "big5hkscs", "gb18030"),
        "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作里用道行所然家"
        "，。種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把"
        "機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加"
        "西月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平係氣題活更別打女"
        "變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直資命山金指許區保至形社便空決治馬五眼書非聽白卻光",
        others=0.2,
    ),
    Language(
        ("cp949", "johab"),
        "이다는에의을가고하한지를로은나사서기도리아자그어니라시대인만해일게들있것정부수장보여상전구제주성과원적으면스오했"
        "까모소우마비무거말내동공생조선미중신요진유계음세안년방경우없때문위실물간분국민람용때와학할된되않았었습니각당감경"
        "관군금남녀두려련러르른름매먼면명목못바반발번별불새색석설속순식심아야양언업역연영예외운울월은응의임작저절점종지"
        "집차책처천체초최추출치친크타태터통트파판편포표품프피필하학한함합해행현형호화활회후히",
        others=0.1,
    ),
)
