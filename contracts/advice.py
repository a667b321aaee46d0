"""What a person does next when the chain refuses: one sentence a code, naming who can act.

`python -m contracts.advice` writes all of it to `docs/refusals.md`.
"""

from pathlib import Path

from contracts.terms import reason_code

__all__ = ["GUARD_ADVICE", "REASON_ADVICE", "advice", "page"]

GUARD_ADVICE: dict[str, str] = {
    "approvals-missing": (
        "Supervisors of more institutions of the quorum must approve, as many as the limit says, of which "
        "kinds `agreement explain` tells."
    ),
    "payee-not-on-roster": (
        "Pay only payees of the agreement's roster; a refused row of a batch can be skipped, and another "
        "roster takes a new agreement that the quorum activates."
    ),
    "payout-cap": (
        "Keep the payment within the limit; a refused row of a batch can be skipped, and a higher limit "
        "takes a new agreement that the quorum activates."
    ),
    "window-cap": (
        "Wait for the next window or ask for no more than the limit leaves; a higher limit takes a new "
        "agreement that the quorum activates."
    ),
    "outside-time-window": (
        "Try again within the days and hours that the agreement allows; once its last day is over, the "
        "quorum must activate a new one."
    ),
    "evidence-missing": (
        "Witnesses of as many institutions as the limit says must attest what the terms name, observed "
        "recently enough."
    ),
    "batch-cap": (
        "Split the payout file into batches within the limit, or give what else the clause accepts."
    ),
    "lifetime-cap": (
        "Ask for no more than the limit leaves; a higher limit takes new terms that the quorum adopts."
    ),
    "payee-cap": (
        "Skip the refused row and pay this payee in the next window; a higher limit takes new terms that "
        "the quorum adopts."
    ),
    "payee-blocked": "Skip the refused row; supervisors of the blacklist's quorum can unblock the payee.",
    "dye-class": "Draw on a dye class that the terms name; others take new terms that the quorum adopts.",
    "line-cap": (
        "Ask for no more than the limit leaves of this dye class; a higher limit takes new terms that the "
        "quorum adopts."
    ),
    "countersignature-missing": (
        "An operator of the institution that the terms name must countersign this batch."
    ),
    "agreement-state": (
        "Wait until the other agreement is in the state, or its account holds the balance, that the limit "
        "says."
    ),
    "waiting-period": (
        "Wait until approvals of as many institutions as the limit says have stood as long as the terms ask."
    ),
    "document-missing": (
        "An operator must reserve the batch with a document of the kind that the terms name, registered by "
        "a witness here."
    ),
    "document-payee": (
        "Pay only the payee of the batch's document; skip the refused row, or reserve it with that payee's "
        "document."
    ),
    "document-amount": (
        "Ask for no more than is left of the document, or have a witness register another one."
    ),
    "outside-calendar": (
        "Try again on a day that the calendar of the terms allows; after its last day the quorum must "
        "adopt a new one."
    ),
}
"""By the code of the guard that refused; the limit itself is among the refusal's details."""

REASON_ADVICE: dict[str, str] = {
    "allocation: no destination": "Name at least one account that the agreement funds, and deploy it again.",
    "allocation: funds itself": (
        "Take the account that pays out of the accounts that are funded, and deploy the agreement again."
    ),
    "allocation: not a destination": (
        "Choose one of the accounts the agreement funds; another account takes a new agreement that the "
        "quorum activates."
    ),
    "directory: too many governors": (
        "Found the directory with 16 governors at most; governors can add more later."
    ),
    "directory: two institutions must govern": (
        "Found the directory with governors of two institutions at least."
    ),
    "directory: no changes": "Name at least one change, and have governors sign it.",
    "directory: governors of two institutions must sign": (
        "Governors of two institutions, and nobody else, must sign exactly what was prepared now."
    ),
    "directory: not an active signer": (
        "Nothing is left to do if the address is right: this signer holds no role."
    ),
    "directory: not announced": (
        "Governors of two institutions must announce the changes first; apply exactly those, under their "
        "nonce, once."
    ),
    "directory: delay not over": (
        "Wait until the time that the announcement names; then anyone may apply the changes."
    ),
    "directory: a governor who signed is suspended": (
        "Governors of two institutions who are all active must announce the changes again."
    ),
    "directory: unknown change": (
        "Use a kind of change from 1 to 7: add an institution, signer or member, remove a member, set a "
        "threshold, rotate or suspend a signer."
    ),
    "directory: zero institution": "Give the institution an id that is not zero.",
    "directory: institution exists": "Use the institution that has this id, or choose another id.",
    "directory: unknown kind": "Choose what the institution is: bank, agency, enterprise or auditor.",
    "directory: zero signer": "Give the signer's address; it cannot be zero.",
    "directory: unknown institution": "Add the institution first, in an earlier change.",
    "directory: unknown roles": "Give the signer at least one role, and only roles that exist.",
    "directory: signer is active": (
        "A governor must suspend the signer before governors of two institutions give it other roles."
    ),
    "directory: signer of another institution": (
        "Add a new key for the person: a key stays with the institution it first signed for."
    ),
    "directory: zero quorum": "Give the quorum an id that is not zero.",
    "directory: already a member": "Leave this change out: the institution is in the quorum already.",
    "directory: not a member": "Leave this change out: the institution is not in the quorum.",
    "directory: quorum unreachable": (
        "Keep the threshold within the number of members: governors add a member or lower the threshold "
        "first."
    ),
    "directory: threshold below two": (
        "Set the threshold to two or more, so that no institution decides alone."
    ),
    "directory: delay over a year": "Found the directory with a delay of a year at most.",
    "directory: recovery signer": (
        "Use another key: recovery signers are named once, at founding, and are never signers."
    ),
    "directory: recovery signers must sign": (
        "Recovery signers, as many as the recovery threshold says and nobody else, must sign exactly what "
        "was prepared now."
    ),
    "directory: recovery is pending": (
        "Wait until the recovery is applied or lapses, or recovery signers withdraw it; suspending a signer "
        "still works."
    ),
    "directory: recovery rotates no key": (
        "Leave the rotation out: suspend the old key and add the new one as a signer."
    ),
    "directory: announcement lapsed": (
        "The changes were not applied within 30 days of their delay: they must be announced again."
    ),
    "directory: own governor or two institutions must sign": (
        "One governor of the signer's institution alone, or governors of two institutions, must sign "
        "exactly what was prepared."
    ),
    "directory: another governor must sign": (
        "Besides both keys, another governor of the institution or governors of two institutions must sign."
    ),
    "directory: both keys must sign": "The old and the new key must both sign exactly this rotation.",
    "directory: key was rotated": (
        "Name the key that followed this one; suspending that one also voids what this one signed."
    ),
    "directory: not a new key": "Choose a new key that never was a signer's.",
    "directory: rotated too often": (
        "Governors of two institutions must add the new key as a new signer, and suspend this one."
    ),
    "directory: not an address": "Give the new key's address as the operand of the change.",
    "directory: attester mints or settles": (
        "Give the attester's role to another signer: who attests what the bank booked neither mints nor "
        "settles."
    ),
    "directory: threshold not set": "Set the quorum's threshold first, in an earlier change.",
    "disbursement: approval expired": (
        "An operator must cancel the batch and upload its rows again with a later deadline; then "
        "supervisors approve that one."
    ),
    "disbursement: unknown batch": (
        "Check the batch's id and its agreement; an operator must reserve it before anybody can act on it."
    ),
    "disbursement: batch has ended": (
        "Nothing is left to execute; an operator uploads rows that were not paid as a new batch."
    ),
    "disbursement: not an operator": (
        "An operator of the account's controller must sign exactly what was prepared."
    ),
    "clauses: signer lacks the role": (
        "A supervisor approves, an operator countersigns and a witness attests: that one must sign exactly "
        "what was prepared."
    ),
    "clauses: not asked of this institution": (
        "Someone of an institution that the terms name for this must sign."
    ),
    "clauses: signer is newer than what it signs": (
        "Someone known before the batch was reserved, or the evidence observed, must sign; else an operator "
        "cancels and reserves it again, or the witness observes anew."
    ),
    "disbursement: no terms": (
        "Write at least one clause with a guard into the agreement, and deploy it again."
    ),
    "disbursement: clauses not registered": (
        "Governors of two institutions must register the shared clauses with the factory first."
    ),
    "disbursement: too many turns": (
        "An operator must cancel the batch and reserve what is left of it anew: it ran over too many windows."
    ),
    "disbursement: not the factory": (
        "Supervisors of the tree's quorum must adopt new terms through the agreement factory."
    ),
    "disbursement: another account": (
        "Adopt terms for the same account and dye class; another account takes an agreement of its own."
    ),
    "disbursement: another dye class": (
        "Draw on the agreement's own dye class; another takes new terms that name it and that the quorum "
        "adopts."
    ),
    "disbursement: total out of bounds": "Use a smaller total: no line holds more than 2^62 minor units.",
    "disbursement: observed later": "The witness must attest with a time that is not after the chain's.",
    "disbursement: roster does not grow": "Add new payees behind those the roster has.",
    "disbursement: roster too long": "Name at most 16,777,216 (2^24) payees.",
    "clauses: roster does not grow": (
        "Keep the roster as it is, root and all, or add new payees behind those it has."
    ),
    "clauses: terms extend another roster": (
        "The roster was extended since: make the terms anew from the roster that is in force, and have the "
        "quorum sign those."
    ),
    "disbursement: payee out of bounds": "Name a payee by its index on the roster, below 16,777,216 (2^24).",
    "disbursement: quorum not reached": (
        "Supervisors of as many institutions of the quorum as its threshold asks must sign; to block a "
        "payee, one is enough."
    ),
    "disbursement: no blacklist": (
        "Nobody can be blocked here; have a new version of the terms name a blacklist."
    ),
    "disbursement: terms changed": (
        "Anyone may cancel the batch; an operator reserves its rows again under the new terms."
    ),
    "disbursement: row is not back": "Wait until the bank has returned the whole row.",
    "disbursement: row is not counted": (
        "Nothing is left to give back: the row was refused, or was given back before."
    ),
    "factory: template exists": (
        "Use the template that is registered, or have governors register this one under a new version."
    ),
    "factory: no code at the blueprint": (
        "Deploy the template's blueprint first, and register the address where its code is."
    ),
    "factory: governors of two institutions must sign": (
        "Governors of two institutions, and nobody else, must sign exactly the template that is registered."
    ),
    "factory: unknown template": (
        "Choose a registered template and version; governors of two institutions can register one."
    ),
    "factory: blueprint changed": (
        "Do not use this template: its code has changed; governors of two institutions must register a "
        "new version."
    ),
    "factory: unknown agreement": (
        "Check the agreement's address; it has to be deployed through the factory before supervisors "
        "activate it."
    ),
    "factory: agreement is active": "Nothing is left to do: the agreement is active already.",
    "factory: quorum not reached": (
        "Supervisors of as many institutions of the tree's quorum as its threshold asks must sign the "
        "activation."
    ),
    "guards: clauses out of order": (
        "Number the clauses from zero without gaps, the guards of one clause next to each other, and "
        "deploy again."
    ),
    "guards: kind not in this template": (
        "Take out the guard that this template cannot enforce, or choose the template that can; an "
        "allocation takes only caps and time windows."
    ),
    "guards: too many clauses": (
        "Keep the agreement to 16 clauses; join alternatives in one clause, or write two agreements."
    ),
    "guards: approval needs a quorum of two": (
        "Let the approval name its quorum and ask for two of its institutions or more."
    ),
    "guards: roster size": "Give the roster at least one payee and at most 16,777,216 (2^24).",
    "guards: time window is empty": "Let the time window's first moment come before its last.",
    "guards: time zone": "Give the time zone as an offset of less than a day.",
    "guards: evidence freshness": (
        "Let the evidence stay fresh for at least one second and at most 2^40 seconds."
    ),
    "guards: evidence needs a witness": "Name the institution whose witnesses attest this evidence.",
    "given: repeated": (
        "Nothing is left for this person to do: only a witness may sign again, with a later observation."
    ),
    "given: too many signers": (
        "As many as 16 people signed already; if too few of them still count, an operator reserves the rows "
        "again."
    ),
    "given: nothing to revoke": "Only who approved this batch, and did not revoke it yet, can revoke.",
    "guards: cap shares a clause": (
        "Give caps over batches a clause without other guards, and a cap on payees or on a line a clause "
        "of its own."
    ),
    "guards: counter of two clauses": (
        "Let every cap count for itself: two clauses name the same counter and window."
    ),
    "guards: two rosters or blacklists": (
        "Name the same roster, and the same quorum of a blacklist, wherever the terms have one."
    ),
    "guards: too many caps of payees": "Keep to four caps on what a payee gets.",
    "guards: amount of a cap": (
        "Set the cap above zero and to no more than 2^62 minor units, a cap on payees below 2^32 minor units."
    ),
    "guards: window of a cap": (
        "Give the cap's window 256 to 2^40 seconds and an offset shorter than that; other caps take none."
    ),
    "guards: too many institutions": "Ask for 16 institutions at most, of all kinds together too.",
    "guards: waiting period": "Let the waiting period be at least one second and at most 2^40 seconds.",
    "guards: daily hours": "Let the daily hours start and end at different times of one day.",
    "guards: days of the week": "Name days of the week from Monday to Sunday, in seven bits.",
    "guards: days of a calendar": "Give the calendar one to 256 days, of which at least one is allowed.",
    "guards: state of an agreement": (
        "Name a state of the other agreement, or the least that its account must hold."
    ),
    "guards: no subject": (
        "Name what the guard is about: a quorum, a dye class or a kind of document; a countersignature is "
        "about none."
    ),
    "guards: no party": "Name the institution, or the agreement's address, that the guard is about.",
    "accounts: zero address": (
        "Give the addresses of directory, factory, Supervision and agreement; none can be zero."
    ),
    "accounts: zero id": "Give the account an id that is not zero.",
    "accounts: account exists": "Use the account that is open under this id, or choose another id.",
    "accounts: unknown quorum": (
        "Governors of two institutions must give this quorum its members and a threshold of two or more "
        "first."
    ),
    "accounts: currency is not three letters": (
        "Name the account's currency by its ISO 4217 code, in capital letters."
    ),
    "accounts: unknown institution": (
        "Name an institution of the directory as the controller; governors of two institutions can add one."
    ),
    "accounts: unknown account": (
        "Check the account's name; an operator of the account above opens it, and a bank opens a "
        "supervised account."
    ),
    "accounts: unknown tree": "Name the supervised account itself, not one below it.",
    "accounts: account closed": "Choose an account that is open.",
    "accounts: account is open": (
        "Only what is on a closed account is swept; an open one's agreements move its money."
    ),
    "accounts: account frozen": (
        "Wait until supervisors of the tree's quorum unfreeze the account, then try again."
    ),
    "accounts: paused": "Wait until supervisors of two institutions resume the ledger, then try again.",
    "accounts: nothing to change": "Nothing is left to do: it stands as you want it already.",
    "accounts: another tree": "Choose an account below the same supervised account.",
    "accounts: the root stays": (
        "Choose an account below: a supervised account itself is neither moved nor closed."
    ),
    "accounts: below itself": "Choose a parent that is not the account itself nor below it.",
    "accounts: too deep to move": (
        "Choose a parent at most 64 levels deep, the supervised account being the first."
    ),
    "accounts: an agreement draws on it": (
        "Supervisors of the tree's quorum must retire the agreements on this account before it is closed."
    ),
    "accounts: an agreement holds deposits there": (
        "Deploy the agreement on another account, or have the quorum first retire the one that holds "
        "deposits there: deposits rest on an account of their own."
    ),
    "accounts: another agreement draws on it": (
        "Deploy the agreement on an account that no other draws on, or have the quorum retire those first: "
        "deposits rest on an account of their own."
    ),
    "accounts: agreement not granted": (
        "Supervisors of the tree's quorum must activate the agreement on this account first."
    ),
    "accounts: sender lacks the role": (
        "Send it with the bank's key that holds the minter or settler role; governors of two institutions "
        "can give a key that role."
    ),
    "accounts: not the factory": (
        "Supervisors of the tree's quorum must activate or retire the agreement through the agreement "
        "factory."
    ),
    "accounts: not supervision": (
        "Have the people whose decision it is sign, and hand their signatures in to Supervision."
    ),
    "ledger: zero address": "Give the address of the contract; it cannot be zero.",
    "ledger: row not executed": (
        "Execute the batch up to this row first; a row that was never executed goes back when an operator "
        "cancels the batch."
    ),
    "ledger: row is gone already": (
        "Nothing is left to give back: the row was skipped or returned already; a teller looks into a "
        "second credit for it."
    ),
    "ledger: a settled row returns only by a credit": (
        "Wait for the credit that brings the money back; the bank hands the return in with that credit's "
        "reference."
    ),
    "ledger: batch has not ended": (
        "Execute the rest of the batch, or have an operator cancel it; then the bank can settle it."
    ),
    "ledger: batch is settled": "Nothing is left to do: the bank has settled this batch.",
    "ledger: another tree": "Choose an account below the same supervised account.",
    "ledger: count out of bounds": "Give the batch at least one row and at most 8,388,608 (2^23).",
    "ledger: deadline out of bounds": (
        "An operator must choose a deadline that is still to come by chain time, and sign again."
    ),
    "ledger: batch exists": (
        "Go on with the batch that is reserved already; to pay the same rows again, an operator uploads "
        "them as a new batch."
    ),
    "ledger: not the batch's agreement": (
        "An operator must act through the batch's own agreement; after the deadline anyone may release "
        "what is left."
    ),
    "ledger: deadline passed": (
        "An operator must cancel the batch, which gives back what is left, and upload those rows again "
        "with a later deadline."
    ),
    "ledger: batch has ended": (
        "Nothing is left to execute or release; an operator uploads rows that were not paid as a new batch."
    ),
    "ledger: refused row past the chunk": (
        "A supervisor of the quorum should freeze the account: this agreement's template is faulty and "
        "has to be replaced."
    ),
    "ledger: zero reference": "Give the reference of the bank's entry; it cannot be zero.",
    "ledger: reference used": (
        "Nothing is left to enter: this entry of the bank is on the ledger already; a teller can look it up."
    ),
    "ledger: unknown batch": (
        "Check the batch's id; an operator must reserve it before anybody can act on it."
    ),
    "ledger: not supervision": (
        "Have the people whose decision it is sign, and hand their signatures in to Supervision."
    ),
    "ledger: unknown tree": "Name the supervised account itself, not one below it.",
    "ledger: shortfall": (
        "Supervisors of the tree's quorum must first make good what the bank took back, or carve it out "
        "of its images."
    ),
    "ledger: more than the shortfall": "Ask for no more than is still missing on the supervised account.",
    "ledger: more than was brought": (
        "Look for a credit that was reversed twice, as a return set and as what was left over of it: no more "
        "can fall short than credits ever brought."
    ),
    "ledger: more than is attested": (
        "Wait until an attester of the bank attests what covers this credit too, then hand it in again."
    ),
    "ledger: total is full": (
        "Use a smaller amount: no total of a supervised account counts further than 2^64 minor units."
    ),
    "ledger: no rows": "Name at least one row that comes back.",
    "ledger: more than the row": (
        "Return no more of the row than has not come back yet; a teller looks into what is over."
    ),
    "ledger: rows exceed the credit": (
        "Return no more than the credit has left, or name the other credit that brought the rest back."
    ),
    "ledger: opened with another amount": (
        "Leave the amount out: this credit is known already, and what it amounts to does not change."
    ),
    "ledger: no open return set": (
        "Nothing is left to close: this credit was never opened for returns, or is closed already."
    ),
    "ledger: remainder of a lot": (
        "Close it without naming an account: the rest waits in suspense, and two tellers say whose it is."
    ),
    "ledger: lot is no longer whole": (
        "Tellers treat this credit as new money: part of its lot is identified already, so it cannot "
        "become a return."
    ),
    "ledger: not such a kind": (
        "Tell the people who run the platform: its Supervision asks for a map that the ledger does not know."
    ),
    "lines: zero amount": "Enter an amount above zero.",
    "lines: line is full": (
        "Use a smaller amount; once a line has taken in all it can, an operator must open another account."
    ),
    "lines: same line": "Choose a destination other than the account the money comes from.",
    "lines: not enough money": (
        "Ask for no more than is left in this dye class, or wait until an allocation or a teller's "
        "identification brings more."
    ),
    "lines: no pieces": "Name at least one piece of the line.",
    "lines: piece out of place": (
        "Read where the line's money is now and sign again: pieces must rise, not overlap, and still rest "
        "on it."
    ),
    "merkle: index outside the tree": (
        "Send the proof of this very place in the batch, made from the payout file that was uploaded."
    ),
    "merkle: leaf starts past the batch": (
        "Send the position at which the row's leaf starts, taken from the payout file that was uploaded."
    ),
    "merkle: proof of another depth": (
        "Send the proof made for this batch's number of rows, from the payout file that was uploaded."
    ),
    "merkle: wrong proof": (
        "Send rows and proof exactly as the batch committed them, made from the payout file that was "
        "uploaded."
    ),
    "merkle: not whole rows": "Send one row at least, and only whole rows of 43 bytes.",
    "merkle: chunk starts inside a leaf": (
        "Start the chunk at the next row to execute, which is a multiple of eight."
    ),
    "merkle: rows past the batch": "Send only rows that the batch still has to execute.",
    "merkle: chunk ends inside a leaf": "Send a multiple of eight rows, or all that are left of the batch.",
    "merkle: zero amount": (
        "An operator must cancel the batch and upload the payout file again with an amount above zero in "
        "every row."
    ),
    "merkle: chunk is not aligned": (
        "Start the chunk where its whole subtree starts; a smaller chunk of eight rows always fits."
    ),
    "merkle: chunk is not a whole subtree": (
        "Send 8, 16, 32, 64, 128 or 256 rows, or all that are left of the batch."
    ),
    "merkle: rows do not add up to the total": (
        "An operator must cancel the batch and upload the payout file again with the total its rows add "
        "up to."
    ),
    "supervision: zero address": "Give the addresses of the ledger and its accounts; neither can be zero.",
    "supervision: unknown account": (
        "Check the account's name; an operator of the account above opens it, and a bank opens a "
        "supervised account."
    ),
    "supervision: unknown tree": (
        "Check the lot's or the supervised account's id; the bank mints the one and opens the other."
    ),
    "supervision: unknown custody": "Check the custody's id; it is logged when money is taken into custody.",
    "supervision: unknown reference": (
        "Name a credit that was minted, or opened for returns; the bank enters it first."
    ),
    "supervision: the root stays": (
        "Choose an account below: a supervised account itself is neither moved nor closed."
    ),
    "supervision: not the controller's operator": (
        "Operators of the institutions that control the accounts concerned must sign exactly what was "
        "prepared now."
    ),
    "supervision: quorum not reached": (
        "Supervisors of as many institutions of the tree's quorum as its threshold asks must sign; to "
        "freeze, one is enough."
    ),
    "supervision: not a supervisor": (
        "A supervisor must sign to pause, and supervisors of two institutions to resume."
    ),
    "supervision: supervisors of two institutions must sign": (
        "Have supervisors of two institutions sign, and nobody else."
    ),
    "supervision: two tellers must sign": "Two tellers of the bank must sign, each with their own key.",
    "supervision: not a teller of the bank": (
        "Have only tellers of the bank that holds the account sign, over exactly what was prepared now."
    ),
    "supervision: not an attester of the bank": (
        "An attester of the bank that holds the account must sign, over the number of its next attestation."
    ),
    "supervision: amount out of bounds": "Give a balance and credits of at most 2^62 minor units each.",
    "supervision: more debits than money": (
        "Check the statement: an account cannot have paid out more than it held and received."
    ),
    "supervision: zero amount": "Enter an amount above zero.",
    "supervision: zero reference": "Give the reference of the bank's debit; it cannot be zero.",
    "supervision: more than the credit": (
        "Take back no more than the credit amounts to, all its reversals together."
    ),
    "supervision: more than was reversed": (
        "Carve no more images than the bank took back of this credit; make the rest good out of other money."
    ),
    "supervision: credit of another tree": "Name a credit of the same supervised account.",
    "supervision: account not frozen": (
        "A supervisor of the tree's quorum must freeze the account first, so that nothing on it moves."
    ),
    "supervision: not an open account of the tree": (
        "Choose an open account below the same supervised account."
    ),
    "supervision: not where it was carved from": (
        "Thaw it to the account and dye class it was carved from; agreements can move it on from there."
    ),
    "supervision: custody of another line": (
        "Choose custody of money carved from the very line this batch draws on; a batch is redirected once."
    ),
    "supervision: zero batch": "Name the batch; its id is known before it is reserved.",
    "supervision: no such clause": "Number the clause from 0 to 15, as the agreement does.",
    "supervision: waiver expired": (
        "The quorum must sign a waiver that expires later, if the batch still needs one."
    ),
    "signatures: length is not 65": "Sign again and hand in the whole signature: r, s and v, 65 bytes.",
    "signatures: high s": "Sign again with a wallet that gives only low-s signatures (EIP-2).",
    "signatures: v is not 27 or 28": "Sign again with a wallet that ends the signature with 27 or 28.",
    "signatures: recovers to nobody": "Sign again: this signature belongs to no key.",
    "signatures: not in rising order of signer": (
        "Let each person sign once, and hand the signatures in by rising address of signer."
    ),
    "allocation: not an open account below": (
        "Let each rule name an open account below the one that pays out; accounts elsewhere are funded by "
        "an operator's order."
    ),
    "allocation: amount of a rule": (
        "Give a top-up a balance above zero, a share 1 to 10,000 basis points, and the rest no amount."
    ),
    "allocation: unknown mode": "Use one of the three modes of a rule: top-up, share, rest.",
    "allocation: the rest comes last": "Let the rule that gives the rest be the last one.",
    "allocation: shares above the whole": "Let the shares add up to no more than 10,000 basis points.",
    "allocation: nothing to clear": (
        "Nothing is left to do until money comes in, a destination needs some, or the next window of a cap "
        "starts."
    ),
    "allocation: terms do not change": (
        "The quorum must retire this allocation and activate another with the new terms."
    ),
    "factory: zero id": "Give the template's id: the hash of its name and version.",
    "factory: the ledger has another factory": (
        "Deploy the ledger with the address that the factory will have, then the factory."
    ),
    "factory: the registry has another factory": (
        "Deploy the registry with the address that the factory will have, then the factory."
    ),
    "factory: not a blueprint": "Name the template of an agreement; this one is code that agreements share.",
    "factory: agreement on no account": "Use a template whose agreements name the accounts they draw on.",
    "factory: accounts contradict each other": (
        "Governors should look at this template: its agreements say two things about the account they draw "
        "on."
    ),
    "factory: agreement is retired": "Deploy a new agreement and let the quorum activate that one.",
    "factory: agreement is not active": (
        "Supervisors of the tree's quorum must activate the agreement first; a retired one is replaced by a "
        "new one."
    ),
    "factory: unknown account": "Open the accounts that the agreement draws on first.",
    "factory: accounts of two trees": (
        "Deploy an agreement whose accounts are all below one supervised account."
    ),
    "registry: zero address": "Give the address that the agreement factory will have; it cannot be zero.",
    "registry: not an active agreement": (
        "Supervisors of the tree's quorum must activate the agreement that registers the document."
    ),
    "registry: zero id": "Give the document's id, its kind and its holder; none of them can be zero.",
    "registry: document exists": (
        "Look up the agreement that has this document: it counts once in the whole network, and not again."
    ),
    "registry: amount out of bounds": (
        "Give the document an amount above zero and of no more than 2^62 minor units."
    ),
    "registry: not the document's agreement": (
        "Act through the agreement that registered the document; nobody else can use it or hand it over."
    ),
    "registry: more than is left": (
        "Ask for no more than the document is still good for, or name a document that covers the payment."
    ),
    "registry: more than is used": "Give back no more than was used of the document.",
    "parties: signature expired": (
        "Whoever decides for the party must sign again, with a deadline that is still to come."
    ),
    "parties: not signed for the party": (
        "A signer with the right role in the party's institution must sign exactly what was prepared now."
    ),
    "parties: repeated": (
        "Nothing is left to do if this was meant once; for another, the party signs with a new reference."
    ),
    "parties: unknown institution": (
        "Name institutions of the directory, or have governors add this one first."
    ),
    "parties: account not open": (
        "Open the account below the supervised one first, and deploy the agreement again."
    ),
    "parties: accounts of two trees": (
        "Name accounts below one supervised account, and deploy the agreement again."
    ),
    "parties: account of another institution": (
        "Name an account that the institution controls, and deploy the agreement again."
    ),
    "parties: deposits on the root account": (
        "Open an account below the root for the deposits, and deploy the agreement on that one."
    ),
    "parties: named twice": (
        "Name a different institution or account for each part, and deploy the agreement again."
    ),
    "parties: amount out of bounds": (
        "Choose an amount above zero that a line can hold, and deploy the agreement again."
    ),
    "escrow: timeout is over": "Choose a timeout that is still to come, and deploy the escrow again.",
    "escrow: timeout out of bounds": "Choose a timeout within thirty years, and deploy the escrow again.",
    "escrow: dispute timeout out of bounds": (
        "Give the arbiter at least one second and at most thirty years, and deploy the escrow again."
    ),
    "escrow: no milestone": "Name at least one milestone with its amount, and deploy the escrow again.",
    "escrow: due after the timeout": (
        "Set the timeout later than every milestone's due date, and deploy the escrow again."
    ),
    "escrow: witness without evidence": (
        "Name the kind of evidence the milestone's witness attests, or no witness, and deploy the escrow"
        " again."
    ),
    "escrow: the payee is its own witness": (
        "Name a witness of another institution than the payee, and deploy the escrow again."
    ),
    "escrow: not a party": "Only the payer or the payee can dispute; name the one whose operator signed.",
    "escrow: not disputed": (
        "The arbiter rules only in a dispute; an operator of the payer or the payee must open one first."
    ),
    "escrow: disputed": (
        "Wait for the arbiter to rule, or have operators of both parties sign how to divide what rests."
    ),
    "escrow: it has ended": (
        "Nothing is left to decide; money that came since goes where anyone closing the escrow sends it."
    ),
    "escrow: its time has run out": (
        "Nobody can decide any more; anyone may close the escrow, which pays attested milestones and "
        "returns the rest."
    ),
    "escrow: its time has not run out": (
        "Wait until the second that the escrow shows as its end; then anyone may close it."
    ),
    "escrow: nothing rests": "Nothing is left to do: the escrow has ended and holds no money.",
    "escrow: unknown milestone": "Choose one of the escrow's milestones; they are numbered from 0.",
    "escrow: milestone takes no evidence": (
        "An operator of the payer must release this milestone: its terms name no evidence."
    ),
    "escrow: zero evidence": "Give the commitment to the evidence; it cannot be zero.",
    "escrow: milestone is attested": "Nothing is left to attest; anyone may release the milestone.",
    "escrow: milestone is not attested": (
        "A witness of the institution that the milestone names must attest it, or an operator of the "
        "payer release it."
    ),
    "escrow: evidence repeated": (
        "The witness must attest other evidence: this one proved another milestone already."
    ),
    "escrow: evidence from the future": (
        "The witness must sign the time of the observation, which cannot be later than the chain's."
    ),
    "escrow: evidence after the due date": (
        "It came too late to release the milestone by itself; an operator of the payer can still release it."
    ),
    "escrow: nothing to pay": (
        "Ask for an amount above zero; if none is left or rests, nothing can be paid now."
    ),
    "escrow: more than is left": "Ask for no more than the milestone has left, or for no more than rests.",
    "escrow: more than rests": "Divide no more than rests on the escrow's account now, and sign again.",
    "escrow: terms do not change": (
        "Parties who agree on other terms settle or end this escrow, and the quorum activates another."
    ),
    "guarantee: the beneficiary is its own witness": (
        "Name a witness of another institution than the beneficiary, and deploy the guarantee again."
    ),
    "guarantee: zero evidence or document": (
        "Name the evidence a claim needs and give the document's commitment, and deploy the guarantee again."
    ),
    "guarantee: dates out of order": (
        "Choose a last day of issue that is still to come and an expiry after it, and deploy the "
        "guarantee again."
    ),
    "guarantee: expiry out of bounds": (
        "Choose an expiry within thirty years, and deploy the guarantee again."
    ),
    "guarantee: grace out of bounds": (
        "Let a claim wait at least one second and at most thirty years for its witness, and deploy again."
    ),
    "guarantee: number of uses out of bounds": (
        "Allow between 1 and 32 claims, and deploy the guarantee again."
    ),
    "guarantee: not to be issued any more": (
        "Nothing is left to issue: it is in force already, has ended, or its last day of issue is over."
    ),
    "guarantee: not activated": "The quorum must activate the guarantee first, so that claims can be paid.",
    "guarantee: too little collateral": (
        "Fund the guarantee's account with its whole amount first; then an operator of the guarantor "
        "issues it."
    ),
    "guarantee: not in force": "Verify the guarantee: it is not issued yet, or it has ended.",
    "guarantee: it has expired": (
        "Nothing can be claimed any more; claims made in time can still be attested and paid."
    ),
    "guarantee: it has not expired": (
        "Wait for the expiry and for claims that still wait for a witness; then anyone may end the guarantee."
    ),
    "guarantee: no use is left": (
        "Nothing can be claimed any more: the beneficiary has made as many claims as the terms allow."
    ),
    "guarantee: zero content": "Give the commitment to what the claim rests on; it cannot be zero.",
    "guarantee: claim repeated": (
        "Nothing is left to do if this default was claimed; another claim rests on other content."
    ),
    "guarantee: zero claim": "Claim an amount above zero.",
    "guarantee: more than is left to claim": (
        "Claim no more than the guarantee's amount less what was paid and what open claims ask for."
    ),
    "guarantee: unknown claim": "Choose one of the guarantee's claims; they are numbered from 0.",
    "guarantee: claim is attested": "Nothing is left to attest; anyone may pay the claim.",
    "guarantee: claim is not attested": (
        "A witness of the institution that the terms name must attest exactly this claim before it lapses."
    ),
    "guarantee: claim has lapsed": (
        "No witness attested it in time; before the expiry an operator of the beneficiary can claim again."
    ),
    "guarantee: evidence from the future": (
        "The witness must sign the time of the observation, which cannot be later than the chain's."
    ),
    "guarantee: nothing to pay": (
        "Wait until collateral rests again; a claim that is paid in full needs nothing more."
    ),
    "guarantee: nothing rests": "Nothing is left to do: the guarantee has ended and holds no money.",
    "guarantee: terms do not change": (
        "Parties who agree on other terms end this guarantee, and the quorum activates another."
    ),
    "split: no parts": "Name at least one party that gets a part, and deploy the agreement again.",
    "split: empty part": (
        "Give every party a fee or a share, or leave it out, and deploy the agreement again."
    ),
    "split: cap below the fee": (
        "Make the party's cap at least its fee, or zero for none, and deploy the agreement again."
    ),
    "split: shares above the whole": (
        "Make the shares add up to 10,000 basis points at most, and deploy the agreement again."
    ),
    "split: nothing to divide": "Wait for money on the account; then anyone may have it divided.",
    "split: nothing to refund": "An operator must sign a refund of at least one minor unit.",
    "split: unknown receipt": "Use the number of a receipt that was divided; the first is 1.",
    "split: more than is left of the receipt": (
        "An operator may sign a refund of at most what the receipt divided less what was refunded of it."
    ),
    "split: a party lacks its part of the refund": (
        "The party that the agreement names as lacking must have its part on its account again."
    ),
    "split: terms do not change": (
        "For other terms the quorum activates another agreement and retires this one."
    ),
    "delivery: zero kind": (
        "Give the kind of document an id that is not zero, and deploy the agreement again."
    ),
    "delivery: zero document": "Give the document's keyed hash; it cannot be zero.",
    "delivery: deadline out of bounds": "Give a deadline within 30 years, and deploy the agreement again.",
    "delivery: deadline is over": (
        "Anyone may close the agreement now; for another exchange deploy one with a deadline to come."
    ),
    "delivery: deadline is not over": (
        "Anyone may settle once document and price are there; closing it takes both parties or the deadline."
    ),
    "delivery: delivered already": "Nothing is left to deliver: the document is locked here; pay the price.",
    "delivery: nothing delivered": (
        "The seller must deliver the document first, with a witness who confirms it."
    ),
    "delivery: price not paid": (
        "The buyer must bring the whole price onto the account; then anyone may settle."
    ),
    "delivery: has ended": (
        "Nothing is left to do: it was settled, cancelled or closed; late money can be swept to the buyer."
    ),
    "delivery: still open": "Settle, cancel or close the agreement first; only late money is swept.",
    "delivery: nothing to give back": "Nothing is left to do: no money rests on the account.",
    "delivery: terms do not change": (
        "Both parties can cancel this agreement; for other terms the quorum activates another."
    ),
    "receivable: zero id": (
        "Give the invoice's keyed hash and its kind ids that are not zero, and deploy the agreement again."
    ),
    "receivable: due time out of bounds": (
        "Give a due time to come and a grace, each within 30 years, and deploy the agreement again."
    ),
    "receivable: registered already": (
        "Nothing is left to do: the debt is confirmed; it is passed on from here."
    ),
    "receivable: past its due time": (
        "A debt is confirmed before it is due; for this one the quorum must activate an agreement due later."
    ),
    "receivable: debt not confirmed": "Creditor and debtor must sign the debt and have it registered first.",
    "receivable: is overdue": (
        "What is overdue is only repaid: pay what is owed onto its account, or have it called expired by "
        "`close`."
    ),
    "receivable: has ended": "Nothing more is passed on; what comes is still collected for the holders.",
    "receivable: price out of bounds": (
        "Holder and financier must sign a price above zero and no higher than the claim it pays for."
    ),
    "receivable: not a holder": "Use an institution that is owed part of the debt; the agreement lists them.",
    "receivable: more than the holder is owed": (
        "Both parties must sign again, for at most what the holder is owed now."
    ),
    "receivable: holder is repaid on another account": (
        "Name the account on which the taker is repaid already, or have it choose another for all it holds."
    ),
    "receivable: not an account to be repaid on": (
        "Choose an account of the taker: not the one repayments arrive on, nor the debtor's."
    ),
    "receivable: to the holder itself": "Pass the claim on to another institution.",
    "receivable: to the debtor": "Pass the claim on to another than the debtor, who repays it instead.",
    "receivable: nothing to pass on": "Sign a claim of at least one minor unit.",
    "receivable: too many holders": (
        "Pass the claim on to who holds part of it already, or wait until one of the eight holds nothing."
    ),
    "receivable: no account to repay from": (
        "The debtor repays through its bank onto the agreement's account; the terms name no account of it."
    ),
    "receivable: nothing to repay": "The debtor must sign a repayment of at least one minor unit.",
    "receivable: more than is owed": (
        "The debtor must sign for at most what is owed less what rests on the agreement's account already."
    ),
    "receivable: nothing to collect": "Wait for money on the account; then anyone may have it passed on.",
    "receivable: not overdue": "Wait until the due time and the grace after it are over.",
    "receivable: terms do not change": (
        "For another debt the quorum activates another agreement; this one ends when it is repaid or overdue."
    ),
}
"""By the reason as the Vyper sources write it: `"module: reason"`."""

_BY_CODE = GUARD_ADVICE | {reason_code(reason): sentence for reason, sentence in REASON_ADVICE.items()}
_UNLISTED = (
    "Look at what is on chain now and try again; "
    "if it is refused again, tell the people who run the platform this code."
)
_PAGE = Path(__file__).parents[1] / "docs" / "refusals.md"
_GUARD_REASON = "clause …, guard …: {code}, limit …, observed …"
_INTRODUCTION = """\
# What the chain refuses

Every refusal has a stable code, a reason and a sentence that says what to do. The API, the command line and
the console show the same three. A clause's refusal also carries the numbers of the clause and the guard, the
limit and what was observed; amounts are in minor units, times in seconds.

This page is written by `python -m contracts.advice`; a test compares it with the contracts.

| Code | Reason | What to do |
|---|---|---|
"""


def advice(code: str) -> str:
    """What to do about a refusal: one sentence, for any code."""
    return _BY_CODE.get(code, _UNLISTED)


def page() -> str:
    """`docs/refusals.md`: refusals of clauses first, then those of each module."""
    guards = [_row(code, _GUARD_REASON.format(code=code)) for code in GUARD_ADVICE]
    reasons = [_row(reason_code(reason), reason) for reason in REASON_ADVICE]
    return f"{_INTRODUCTION}{''.join(guards + reasons)}\nFor any other code: {_UNLISTED}\n"


def _row(code: str, reason: str) -> str:
    return f"| `{code}` | {reason} | {advice(code)} |\n"


if __name__ == "__main__":
    _PAGE.write_text(page(), encoding="utf-8")
