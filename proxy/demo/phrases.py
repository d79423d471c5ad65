"""What customers write to support, by language: sentences for each intent, and what stands around them.

``{order}``, ``{product}`` and ``{city}`` are filled in by ``proxy.demo.task``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one language."""

    openers: Sequence[str]
    intents: Mapping[str, Sequence[str]]
    details: Sequence[str]  # say nothing about the intent
    closers: Sequence[str]
    products: Sequence[str]


ENGLISH = Language(
    openers=("Hello,", "Hi there,", "Good morning,", "Dear support team,", "To whom it may concern,"),
    intents={
        "refund": (
            "I sent the {product} from order {order} back to you and would like to get my money back.",
            "Please refund the full price of the {product} that I returned, order number {order}.",
            "When will the money for the returned {product} be back on my account? The order was {order}.",
        ),
        "cancel_order": (
            "please cancel order {order}, because I do not need the {product} any longer.",
            "I ordered the {product} by mistake and want to cancel before it ships, order {order}.",
            "Is it still possible to cancel my order {order} for the {product}?",
        ),
        "delivery_status": (
            "where is my parcel with the {product}? The tracking of order {order} has not moved for days.",
            "order {order} should have arrived last week and the {product} still has not been delivered.",
            "Could you tell me when the {product} from order {order} is going to be delivered to {city}?",
        ),
        "change_address": (
            "I moved to {city} and need to change the shipping address of order {order}.",
            "Please update my postal address before you send out the {product}, order {order}.",
            "I entered the wrong street and house number for order {order}; how can I correct the address?",
        ),
        "payment_failed": (
            "my credit card was declined when I tried to pay for the {product}, order {order}.",
            "The payment for order {order} failed twice although there is enough on my bank account.",
            "At checkout I get an error that the payment for the {product} could not be processed, reference {order}.",
        ),
        "reset_password": (
            "I forgot my password and cannot log in to see my order {order} for the {product}.",
            "The link for resetting my password does not work, so I am locked out of my account, reference {order}.",
            "Please send me a new password, because my login is rejected every time, customer number {order}.",
        ),
        "invoice": (
            "I need an invoice with the tax shown separately for the {product}, order {order}.",
            "My accountant asks for the invoice of order {order}; please send it to me as a PDF.",
            "There is no invoice for the {product} in the parcel of order {order}, please send me a copy.",
        ),
        "defect": (
            "the {product} from order {order} is broken and does not switch on any more.",
            "The {product} arrived damaged and has a crack on its side, order {order}.",
            "After two weeks the {product} stopped working and only makes a strange noise, order {order}.",
        ),
    },
    details=(
        "I have been a customer of yours for many years and was always happy so far.",
        "I already wrote to you through the form on your website, but nobody has answered.",
        "It was meant to be a birthday present for my sister, who lives in {city}.",
        "You can reach me in the evening, or the whole day at the weekend.",
    ),
    closers=("Thank you very much for your help.", "Kind regards from {city}.", "I look forward to your answer."),
    products=("coffee machine", "desk lamp", "vacuum cleaner", "winter jacket", "bicycle helmet", "keyboard"),
)

GERMAN = Language(
    openers=("Hallo,", "Guten Tag,", "Guten Morgen zusammen,", "Sehr geehrte Damen und Herren,", "Liebes Team,"),
    intents={
        "refund": (
            "ich habe die Ware {product} aus dem Kauf {order} zurückgeschickt und möchte mein Geld zurück.",
            "bitte erstatten Sie mir den vollen Preis für {product}, ich habe alles zurückgegeben, Nummer {order}.",
            "wann ist das Geld für meine Rücksendung ({product}) wieder auf dem Konto? Es geht um {order}.",
        ),
        "cancel_order": (
            "bitte stornieren Sie meine Bestellung {order}, denn ich brauche {product} nicht mehr.",
            "ich habe {product} aus Versehen bestellt und will das vor dem Versand widerrufen, Nummer {order}.",
            "kann ich die Bestellung {order} über {product} noch rückgängig machen?",
        ),
        "delivery_status": (
            "wo bleibt mein Paket ({product})? Die Sendungsverfolgung zu {order} steht seit Tagen still.",
            "die Lieferung {order} sollte letzte Woche ankommen, aber {product} ist immer noch nicht da.",
            "können Sie mir sagen, wann {product} aus der Sendung {order} in {city} zugestellt wird?",
        ),
        "change_address": (
            "ich bin nach {city} umgezogen und muss die Anschrift für die Bestellung {order} ändern.",
            "bitte ändern Sie meine Anschrift, bevor Sie {product} verschicken, Nummer {order}.",
            "ich habe bei {order} die falsche Straße und Hausnummer angegeben; wie berichtige ich das?",
        ),
        "payment_failed": (
            "meine Karte wurde abgelehnt, als ich {product} bezahlen wollte, Nummer {order}.",
            "die Zahlung für {order} ist zweimal fehlgeschlagen, obwohl mein Konto gedeckt ist.",
            "beim Bezahlen kommt die Meldung, dass die Zahlung für {product} nicht möglich war, Vorgang {order}.",
        ),
        "reset_password": (
            "ich habe mein Kennwort vergessen und kann mich nicht mehr anmelden, Kundennummer {order}.",
            "der Verweis zum Zurücksetzen des Kennworts geht nicht, ich komme nicht ins Kundenkonto, {order}.",
            "bitte schicken Sie mir ein neues Kennwort, meine Anmeldung wird abgewiesen, Kundennummer {order}.",
        ),
        "invoice": (
            "ich brauche eine Rechnung mit ausgewiesener Mehrwertsteuer über {product}, Nummer {order}.",
            "mein Steuerberater verlangt die Rechnung zu {order}; bitte schicken Sie sie mir als Datei.",
            "im Paket {order} lag keine Rechnung über {product}, bitte senden Sie mir eine Kopie.",
        ),
        "defect": (
            "die Ware {product} aus dem Kauf {order} ist kaputt und lässt sich nicht mehr einschalten.",
            "leider kam {product} beschädigt an und hat an der Seite einen Riss, Nummer {order}.",
            "nach zwei Wochen ging {product} nicht mehr und macht nur noch seltsame Geräusche, Nummer {order}.",
        ),
    },
    details=(
        "Ich kaufe seit vielen Jahren bei Ihnen ein und war bisher immer zufrieden.",
        "Ich habe Ihnen schon über das Formular geschrieben, aber niemand hat geantwortet.",
        "Es sollte ein Geschenk zum Geburtstag meiner Schwester sein, die in {city} wohnt.",
        "Sie erreichen mich abends oder am Wochenende den ganzen Tag über.",
    ),
    closers=("Vielen Dank für Ihre Hilfe.", "Mit freundlichen Grüßen aus {city}.", "Ich freue mich auf Ihre Antwort."),
    products=("Kaffeemaschine", "Schreibtischlampe", "Staubsauger", "Winterjacke", "Fahrradhelm", "Tastatur"),
)

SPANISH = Language(
    openers=("Hola,", "Buenos días,", "Buenas tardes,", "Estimado equipo:", "A quien corresponda:"),
    intents={
        "refund": (
            "he devuelto el artículo ({product}) del pedido {order} y quiero que me devuelvan el dinero.",
            "por favor, reembólsenme el precio completo del artículo devuelto ({product}), pedido {order}.",
            "¿cuándo tendré en mi cuenta el reembolso de la devolución ({product})? Se trata del pedido {order}.",
        ),
        "cancel_order": (
            "por favor, cancelen mi pedido {order}, porque ya no necesito el artículo ({product}).",
            "compré por error el artículo ({product}) y deseo anular la compra antes del envío, pedido {order}.",
            "¿todavía es posible cancelar mi pedido {order} ({product})?",
        ),
        "delivery_status": (
            "¿dónde está mi paquete ({product})? El seguimiento del pedido {order} no cambia desde hace días.",
            "el pedido {order} tenía que llegar la semana pasada y todavía no me han entregado nada ({product}).",
            "¿me pueden decir cuándo van a entregar en {city} el paquete ({product}) del pedido {order}?",
        ),
        "change_address": (
            "me he mudado a {city} y necesito cambiar la dirección de envío del pedido {order}.",
            "por favor, actualicen mi dirección postal antes de enviar el paquete ({product}), pedido {order}.",
            "puse mal la calle y el número de la casa en el pedido {order}; ¿cómo corrijo la dirección?",
        ),
        "payment_failed": (
            "mi tarjeta fue rechazada cuando intenté pagar la compra ({product}), pedido {order}.",
            "el pago del pedido {order} ha fallado dos veces aunque tengo saldo suficiente en el banco.",
            "al pagar aparece un error que dice que el pago ({product}) no se pudo procesar, referencia {order}.",
        ),
        "reset_password": (
            "he olvidado mi contraseña y no puedo entrar para ver mi compra {order} ({product}).",
            "el enlace para restablecer la contraseña no funciona y no puedo entrar en mi cuenta, referencia {order}.",
            "por favor, envíenme una contraseña nueva, porque siempre rechazan mi acceso, cliente número {order}.",
        ),
        "invoice": (
            "necesito una factura con el impuesto desglosado de la compra ({product}), pedido {order}.",
            "mi contable me pide la factura del pedido {order}; por favor, mándenmela en un archivo.",
            "en el paquete del pedido {order} no venía la factura ({product}), por favor envíenme una copia.",
        ),
        "defect": (
            "el artículo ({product}) del pedido {order} está roto y ya no se enciende de ninguna manera.",
            "el artículo ({product}) llegó dañado y tiene una grieta en un lado, pedido {order}.",
            "después de dos semanas el aparato ({product}) dejó de funcionar y hace un ruido extraño, pedido {order}.",
        ),
    },
    details=(
        "Soy cliente de su tienda desde hace muchos años y siempre he estado contento.",
        "Ya les escribí por el formulario de su página, pero nadie me ha contestado.",
        "Iba a ser un regalo de cumpleaños para mi hermana, que vive en {city}.",
        "Pueden llamarme por la tarde o todo el día durante el fin de semana.",
    ),
    closers=("Muchas gracias por su ayuda.", "Un cordial saludo desde {city}.", "Quedo a la espera de su respuesta."),
    products=("cafetera", "lámpara", "aspiradora", "chaqueta de invierno", "casco de bicicleta", "teclado"),
)

FRENCH = Language(
    openers=("Bonjour,", "Bonsoir,", "Madame, Monsieur,", "Chère équipe,", "Bonjour à tous,"),
    intents={
        "refund": (
            "j'ai renvoyé l'article ({product}) de la commande {order} et je voudrais être remboursé.",
            "merci de me rembourser le prix entier de l'article rendu ({product}), commande {order}.",
            "quand le remboursement de mon retour ({product}) sera-t-il sur mon compte ? C'est la commande {order}.",
        ),
        "cancel_order": (
            "veuillez annuler ma commande {order}, car je n'ai plus besoin de l'article ({product}).",
            "j'ai acheté cet article ({product}) par erreur et je veux annuler avant l'envoi, commande {order}.",
            "est-il encore possible d'annuler ma commande {order} ({product}) ?",
        ),
        "delivery_status": (
            "où est mon colis ({product}) ? Le suivi de la commande {order} n'a pas bougé depuis des jours.",
            "la commande {order} devait arriver la semaine dernière et je n'ai toujours rien reçu ({product}).",
            "pouvez-vous me dire quand le colis ({product}) de la commande {order} sera livré à {city} ?",
        ),
        "change_address": (
            "j'ai déménagé à {city} et je dois changer l'adresse de livraison de la commande {order}.",
            "merci de modifier mon adresse postale avant d'expédier l'article ({product}), commande {order}.",
            "j'ai indiqué la mauvaise rue et le mauvais numéro pour {order} ; comment corriger l'adresse ?",
        ),
        "payment_failed": (
            "ma carte bancaire a été refusée quand j'ai voulu payer ({product}), commande {order}.",
            "le paiement de la commande {order} a échoué deux fois alors que mon compte est approvisionné.",
            "au moment de payer, une erreur dit que le paiement ({product}) n'a pas pu aboutir, référence {order}.",
        ),
        "reset_password": (
            "j'ai oublié mon mot de passe et je ne peux plus me connecter, numéro de client {order}.",
            "le lien pour réinitialiser mon mot de passe ne marche pas, je suis bloqué, référence {order}.",
            "envoyez-moi un nouveau mot de passe, car ma connexion est toujours rejetée, client numéro {order}.",
        ),
        "invoice": (
            "il me faut une facture avec la taxe détaillée pour mon achat ({product}), commande {order}.",
            "mon comptable me demande la facture de la commande {order} ; merci de me l'envoyer en fichier.",
            "il n'y avait pas de facture ({product}) dans le colis de la commande {order}, envoyez-moi une copie.",
        ),
        "defect": (
            "l'article ({product}) de la commande {order} est cassé et ne s'allume plus du tout.",
            "l'article ({product}) est arrivé abîmé et il a une fissure sur le côté, commande {order}.",
            "après deux semaines l'appareil ({product}) est tombé en panne et fait un bruit étrange, commande {order}.",
        ),
    },
    details=(
        "Je suis client chez vous depuis de longues années et j'ai toujours été satisfait.",
        "Je vous ai déjà écrit par le formulaire de votre site, mais personne n'a répondu.",
        "C'était un cadeau d'anniversaire pour ma sœur, qui habite à {city}.",
        "Vous pouvez me joindre le soir, ou toute la journée pendant le week-end.",
    ),
    closers=("Merci beaucoup pour votre aide.", "Cordialement, depuis {city}.", "Dans l'attente de votre réponse."),
    products=("cafetière", "lampe de bureau", "aspirateur", "veste d'hiver", "casque de vélo", "clavier"),
)

LANGUAGES: Mapping[str, Language] = {"en": ENGLISH, "de": GERMAN, "es": SPANISH, "fr": FRENCH}
CITIES = ("Hamburg", "Lyon", "Sevilla", "Bristol", "Wien", "Toulouse")
