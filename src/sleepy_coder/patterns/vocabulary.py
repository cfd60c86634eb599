"""The words that shapes are filled with: coherent domains, ordinary local names, small literals."""

from __future__ import annotations

from random import Random

# Entity, its plural, its container, text field, two whole-number fields, two verbs, sample names.
# Item names differ between any two rows, so that rows can meet in one program.
_DOMAINS = """
Parcel  parcels  Depot       label    weight    priority  dispatch  inspect   crate-7 north-dock fragile-box air-mail
Book    books    Shelf       title    pages     edition   lend      restock   Tidewrack Low_Orbit Salt_Roads Iron_Fern
Sensor  sensors  Station     site     reading   channel   sample    calibrate roof cellar intake greenhouse
Order   orders   Desk        customer amount    lines     submit    audit     Ada Bo Chidi Dara
Track   tracks   Playlist    artist   seconds   plays     enqueue   skip_to   Wren Okapi Marram Juniper
Packet  packets  Link        origin   size      hops      transmit  decode    edge-1 core-2 relay-9 sink-4
Recipe  recipes  Cookbook    dish     minutes   servings  cook      scale_up  dal laksa pierogi chowder
Train   trains   Timetable   line     delay     platform  depart    reroute   blue coastal express night
Patient patients Ward        surname  age       bed       admit     examine   Iqbal Moreau Sato Lund
Token   tokens   Lexer       lexeme   column    width     consume   peek_at   plus ident comma brace
Account accounts Bank        holder   balance   branch    deposit   freeze    Mina Otto Priya Quinn
Plant   plants   Garden      species  height    row       water     prune     fern basil sage thistle
Event   events   Journal     source   stamp     severity  record    replay    login boot purge sync
Job     jobs     Worker      command  cost      retries   launch    cancel    build lint deploy index
Ship    ships    Harbor      flag     tonnage   berth     moor      unload    Petrel Gannet Skua Tern
Student students Course      email    credits   grade     enroll    assess    ana@x.org raj@x.org lee@x.org zoe@x.org
Tile    tiles    Board       glyph    x         y         place     flip      rook wall door lamp
Message messages Inbox       sender   bytes     thread    deliver   archive   ops billing hr support
Ticket  tickets  Tracker     topic    points    sprint    assign    resolve   crash typo slow_start leak
Cell    cells    Sheet       formula  line_no   col       evaluate  clear     A1 B2 C3 D4
Player  players  Team        nick     score     level     recruit   promote   vex nimbus korra tam
Flight  flights  Airline     carrier  altitude  gate      board_up  land      KX12 ZU88 LM3 QR71
Invoice invoices Ledger      payee    cents     days_due  issue     settle    Acme Birch Cobalt Delta
Photo   photos   Album       caption  exposure  stars     develop   crop      dunes harbor rain attic
Robot   robots   Fleet       model    charge    zone      activate  repair    mk1 mk2 scout mule
Song    songs    Setlist     tune     tempo     verses    perform   rehearse  reel jig waltz air
Leaf    leaves   Arbor       shade    veins     depth     unfold    press     olive umber jade rust
Route   routes   Mesh        target   metric    ttl       advertise withdraw  lan0 wan1 vpn2 dmz3
Bid     bids     Auction     bidder   offer     lot       raise     accept    ivy jon kim lou
Page    pages_   Cache       key      hits      expiry    fetch     evict     home about docs news
Rule    rules    Policy      subject  rank      limit     apply_to  revoke    guest admin bot owner
Sample  samples  Batch       probe    value     index     collect   reject    s-01 s-02 s-03 s-04
Note    notes    Notebook    heading  length    folder    append    discard   todo ideas plan draft
Meter   meters   Building    tenant   usage     floor     measure   reset_all 4B 2A 9C 1D
Bird    birds    Survey      habitat  wingspan  count     spot      tally_up  marsh cliff reed moor
Stone   stones   Quarry      grain    mass      layer     extract   polish    slate basalt gneiss tuff
"""

_LOCALS = {
    "acc": "total sum running tally",
    "item": "item entry current candidate",
    "list": "items values records pending",
    "out": "result output report summary",
    "name": "name who id handle",
    "key": "key slot name tag",
    "idx": "i idx pos k",
    "n": "n num amount_of step",
    "buf": "buffer buf scratch text_out",
    "first": "first head front lead",
    "last": "last tail newest latest",
    "other": "other rhs peer that",
    "flag": "found done ready changed",
    "map": "counts by_name lookup registry",
    "raw": "raw input text_in typed",
    "Int": "u32 u64 i64 i32",
    "Float": "f64 f32",
    "Failure": "ParseFailure LoadError InputProblem ConfigError",
    "CAP": "LIMIT CAPACITY MAX_ITEMS THRESHOLD",
    "helper": "summarize describe render_all compute",
    "helper2": "longest pick_best choose select_one",
    "tool": "update refresh adjust rework",
    "Wrap": "Holder Slot Guarded Envelope",
    "Act": "Describe Weigh Report Score",
    "act": "describe weigh report score_of",
}


def draw_words(rng: Random, *, avoid: set[str] | None = None) -> dict[str, str]:
    """Return one program's vocabulary: the words of a domain, local names and literals.

    Args:
        rng: Where the choices come from.
        avoid: Entities (as in `Parcel`) whose domains are taken already.
    """
    rows = [line.split() for line in _DOMAINS.strip().splitlines()]
    row = rng.choice([r for r in rows if r[0] not in (avoid or set())])
    entity, plural, store, text, num, num2, verb, verb2, *samples = row
    rng.shuffle(samples)
    words = {
        "Entity": entity,
        "entity": entity.lower(),
        "ENTITY": entity.upper(),
        "entities": plural.rstrip("_"),
        "Store": store,
        "store": store.lower(),
        "text": text,
        "num": num,
        "num2": num2,
        "verb": verb,
        "verb2": verb2,
    }
    words.update({f"w{i}": sample.replace("_", " ") for i, sample in enumerate(samples, 1)})
    words.update({name: rng.choice(choices.split()) for name, choices in _LOCALS.items()})
    numbers = rng.sample(range(2, 60), 6)
    words.update({f"n{i}": str(number) for i, number in enumerate(numbers, 1)})
    words.update({f"f{i}": f"{rng.randint(1, 90)}.{rng.choice('1257')}" for i in (1, 2, 3)})
    words["big"] = str(rng.randint(100, 990))
    words["cap"] = str(rng.choice([4, 8, 10, 16, 64, 100]))
    return words


def domain_names() -> set[str]:
    """Return the entities of all domains."""
    return {line.split()[0] for line in _DOMAINS.strip().splitlines()}
