"""Who works at Vesper Night Trains, and in which team."""

from okr_cli.demo.model import Person, Team

NAME = "Vesper Night Trains"
TIME_ZONE = "Europe/Berlin"
MAIL_DOMAIN = "vesper.example"

PEOPLE = (
    Person("hedda.lindqvist", "Hedda Lindqvist"),  # chief executive
    Person("matteo.ferrante", "Matteo Ferrante"),  # commercial
    Person("rosa.delgado", "Rosa Delgado"),  # operations
    Person("tomasz.wolski", "Tomasz Wolski"),  # guests
    Person("amelie.brandt", "Amélie Brandt"),  # money and people
    Person("jonas.okafor", "Jonas Okafor"),
    Person("katarina.novak", "Katarína Nováková"),
    Person("yusuf.demir", "Yusuf Demir"),
    Person("clara.vandamme", "Clara Van Damme"),
    Person("piotr.zielinski", "Piotr Zieliński"),
    Person("ingrid.solberg", "Ingrid Solberg"),
    Person("leo.marchetti", "Leo Marchetti"),
    Person("noor.haddad", "Noor Haddad"),
    Person("felix.grau", "Felix Grau"),
    Person("maren.holst", "Maren Holst"),
    Person("davide.conti", "Davide Conti"),
)

COMPANY = "Vesper"
COMMERCIAL = "Commercial"
GROWTH = "Growth"
NIGHTCARD = "Nightcard"
NEW_ROUTES = "New Routes"
OPERATIONS = "Operations"
NETWORK = "Network Control"
FLEET = "Fleet Care"
GUESTS = "Guest Experience"
DIGITAL = "Digital"
ON_BOARD = "On Board"
MONEY_AND_PEOPLE = "Finance and People"
PEOPLE_TEAM = "People"
FINANCE = "Finance"

# Parents come before their children.
TEAMS = (
    Team(COMPANY, "company", "hedda.lindqvist"),
    Team(COMMERCIAL, "division", "matteo.ferrante", COMPANY),
    Team(GROWTH, "team", "jonas.okafor", COMMERCIAL),
    Team(NIGHTCARD, "team", "katarina.novak", COMMERCIAL),
    Team(NEW_ROUTES, "team", "davide.conti", COMMERCIAL),
    Team(OPERATIONS, "division", "rosa.delgado", COMPANY),
    Team(NETWORK, "team", "piotr.zielinski", OPERATIONS),
    Team(FLEET, "team", "ingrid.solberg", OPERATIONS),
    Team(GUESTS, "division", "tomasz.wolski", COMPANY),
    Team(DIGITAL, "team", "yusuf.demir", GUESTS),
    Team(ON_BOARD, "team", "noor.haddad", GUESTS),
    Team(MONEY_AND_PEOPLE, "division", "amelie.brandt", COMPANY),
    Team(PEOPLE_TEAM, "team", "clara.vandamme", MONEY_AND_PEOPLE),
    Team(FINANCE, "team", "felix.grau", MONEY_AND_PEOPLE),
)
