// The words of room codes (link-keys.ts): 1,024 plain French ones, in the order of the dictionary, so
// that each stands for ten bits. Never change the list: the code of a room is one for its whole life.

/** Exactly 1,024 words. */
export const ROOM_CODE_WORDS: readonly string[] = `
abeille abricot académie acajou accolade accordéon accroche acier acompte acronyme acteur adepte adresse adulte
aéronef affaire affiche agrume aiguille aisance alchimie alerte algèbre algue aliment alliage alpaga alvéole
amande amateur ambre amertume amidon amiral amour amphibie ampleur analyse ananas anaphore anatomie angle animal
annonce antenne antidote apéritif apologie appareil aquarium aqueduc arbitre arbuste ardoise argent arlequin
armature armoire armure artichaut article aspect asperge asphalte assiette astre astuce atelier atome atrium
aubaine auberge aurore automne autruche avenir avoine avril axiome bagage baguette baignade balcon baleine
balisage ballet ballon banane bandage banlieue bannière banquier baril baron barque barrage basilic bassin
bastion bateau batterie belette bélier bénéfice berceau berger berline beurre biberon biche bicycle bijou bilan
biologie biscuit bison bitume blaireau bleuet blouson bobine bolide bonbon bonheur bonnet bonus bordure borne
botte bottine boucle bougie bouleau boulon bouquin bourdon bourse boussole boutique bouton boxeur branche brebis
brèche breuvage brigade brioche brique brochure brocoli broyeur brume buffle buisson bulletin bureau burin
buvette cabanon cabine cachette cadeau cadre cahier caillou caisson calepin calibre camarade caméra camion
campagne canal canapé canard caneton cantine capitaine capsule capuche carafe caramel carbone caribou carreau
cartable carton cascade casier cassis castor caution cavalier cave caverne cédille cèdre ceinture cellule
cerceau cercle cerise cerisier chaise chaleur chambre chamois chance chapitre charbon chasseur chaton chausson
chaussure cheminée chemise cheval chèvre chien chiffre chignon chimère chiot chocolat chose chouette ciboulette
cigogne cinéma cirque citerne citoyen citron citrouille clairon classe clavier climat cloche cobalt cobra cochon
coffre cohésion colibri colline colombe comédie commande concert concombre confiture contact copain copie
coquelicot corail corbeau cordage corde corniche corpus cortège costume coton coude courage courge coussin
couteau couverture coyote crabe craie cravate crayon créature crêpe crevette cristal critère crotale cuillère
cuisine cuivre cycle cylindre cymbale dahlia damier danseur datte dauphin décembre délice dentelle départ désert
dialogue diamant digue dimanche docteur doigt domaine domino donateur donjon dorure dossier douceur doyen dragon
dune écharpe échelle éclipse écluse école économie écorce écrivain écrou écume écureuil édredon effusion
éléphant élève émeraude émission émotion emprise enchère enclave encoche endroit énergie enfance engin énigme
enrobage enseigne enzyme éolien épaule épicerie épilogue épinard épine épisode époque épreuve équerre équipe
érable escalier escargot espadon espèce esprit essence essieu estime estomac estrade étagère étang étoile étude
évasion éventail évidence exemple facette facteur facture famille farceur farine fauteuil faveur fenêtre fenouil
fermeture ferveur festival feuille feutre février figue figure filature filetage filière fiole firme flamme
flèche fleur flexion flocon flore flûte fonderie fontaine forêt forgeron fortune fossile foudre fougère
fourchette fraise framboise frégate frelon frère fromage frontal fruit galaxie galerie gant gardien garrigue
gâteau gaufre gazelle gazon géant gélatine gélule gendarme génie genou géologie géomètre géranium gibier girafe
givre glace globe gloire golfeur gomme gondole gorge gorille goudron gouffre goulot goupille goutte graffiti
graine grand grappin grenat grenier grenouille groseille grotte groupe gruyère guépard guide guimauve guitare
gymnaste habitude halte hameau hamster hangar hanneton haricot harmonie harpe hautbois herbe hérisson hermine
héron hibou histoire hiver hommage honneur horizon horloge housse hublot huileux humour hydromel hygiène hymne
idylle iguane image insigne instinct iris ivoire jaguar jambe janvier jardin jardinier jasmin javelot jeton
jeudi jeunesse jonquille joueur journal joyau jugement jupon juriste justice kayak kimono kiosque lagune laine
lamelle lampe lanceur langage lanterne lapin largeur laurier lavabo lavande lecture légume lessive lettre levier
lézard libraire licence licorne liège lièvre ligature ligue lilas limite limonade lingot lion lionceau lisière
littoral livreur logique loisir lombric loutre louve lueur luge lumière lundi lune machine madeleine magasin
magenta maillon maintien mairie maison mallette mammouth mandoline mangue manteau manuel marathon marbre
marchand mardi marelle marin marmotte marqueur marron mascotte matelot matériel matière médaille médecin méduse
mélange mélodie melon membre menthe mentor menuisier mercredi mérite merle mesure météore méthode métier meuble
miel milieu million mimosa miracle moineau moniteur monnaie montagne monument morceau motif mouche mouette
moufle moulin mousson mouton muguet muraille murène murmure muscle musicien myosotis myriade myrtille mystère
nageur nappe natation nation nature navet navire nectar neige neveu niche nickel niveau noisetier noisette noix
nomade nougat novembre nuage numéro occasion océan octobre officier ogive oiseau oisillon olivier ombrage opale
opéra opinion orange orbite oreille oreiller organe orgue ornement ortie osmose ourson outil ouvrage ovation
oxygène ozone palace palmarès palmier palourde panache panda pangolin panneau panorama pantalon papaye papier
papillon papyrus paradoxe parcelle parole pastèque patience patin pavillon paysage peigne peintre pelage pélican
pelle pelote pelouse peluche pendule péniche pépite perdrix période perruche persil pervenche peuple pharaon
phare phoque photon phrase physique piano pièce pierre pilote pinceau pipette pirogue piscine piston pixel pizza
placard plafond plage plaisir plaque plat plateau plombier pluie plumage poche pochette poésie poète pointe
poirier poisson poivre poivron pollen polygone pommade pomme pommier pompier poney porte position posture
potager poteau potier potion pouce poulain poule poumon pourpre poussin prairie pratique préau prélude prénom
prince problème progrès prologue prouesse proverbe prudence prune pruneau prunier pulpe pulsar pupitre puzzle
pyramide quai question racine radeau radis ragondin raideur raisin rallonge raquette ravin réflexe refrain
refuge région réglage relief remarque remède remise renard renfort renvoi reprise réserve respect résultat
réticule réunion revanche rideau rituel rivage rivière romance ronce rondin rose roseau rosier rotor rotule
rouge rouille rouleau routine royaume ruban rubis ruche ruelle ruisseau rythme sacoche safari sagesse salade
salon samedi sandale sanglier sapin sardine satin saule saumon scénario sceptre schéma science score séance
séjour semaine semence sentier serrure service sésame siècle sigle signal siphon sirène sirop socle soleil
solitude sommeil sonde songeur sonnette sorcier souffle soupape soupe source souvenir sphère station styliste
stylo succès sucre surface symbole symétrie syntaxe système table tableau tablier tabouret talent talisman
tambour tambourin tapis tarte tartine tasse taureau témoin tenaille texte théâtre thème thym tigre tilleul
tirelire tissu titane titre toboggan toiture tomate tonneau tortue toupie tournage traction train traîneau
travail trèfle trésor treuil triage tricot trilogie triomphe trombone trompette tronc troupeau trousse truite
tuile tulipe tunnel turbine tuteur tuyau tympan ultrason union univers uranium usine vache vaisseau valise
vallon valve vanille vapeur vecteur vedette véhicule velours vendredi verdure verrou vertu veston viaduc vidéo
vignette vigueur village vinaigre violette violon virement virtuose viseur vision vitesse vitrail vitrine voile
voilier voisin voiture volcan volet volume voyage voyelle wagon xylophone yacht yaourt zèbre zénith zeste
`
  .trim()
  .split(/\s+/)
