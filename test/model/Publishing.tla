----------------------------- MODULE Publishing -----------------------------
(* How runs, collections and rollbacks share the lake of one pipeline: objects and notes of results, and the pointer,
   which moves by compare-and-swap. lake/snapshots.ts, lake/reuse.ts, lake/rollback.ts and lake/collect.ts are what is
   modelled here; docs/adr/0003, 0024 and 0026 say why they are so.

   Any actor may be given up at any moment, and go on all the same as a zombie at any later one; who never goes on was
   killed. Runs and collections may be tried again while the attempt before is still at work, and any answer to a swap be
   lost. Mode chooses the protocol: "epochs" is the lake's; the others are broken, and must be found to be so.

   That later collections delete old lists of earlier ones is left out: who read or wrote a list looks whether its
   collection is still the last one, before which none of its lists is deleted.                                       *)
EXTENDS Naturals, Sequences, TLC

CONSTANTS
  Runs, Collections, Rollbacks,  \* the actors; each does its one thing
  Contents,  \* what a step may make; equal contents have equal names
  Doubles,   \* those that may be tried again
  Mode       \* "epochs", "sweep", "etag" or "anew"

Actors == Runs \cup Collections \cup Rollbacks
Attempts == Actors \X {1} \cup Doubles \X {2}
Who(t) == t[1]
Nobody == "nobody"
None == [is |-> FALSE]

VARIABLES
  objects,   \* names of objects that stand: [epoch, content]
  notes,     \* results under their reuse keys: [epoch, content, object]
  pointer,   \* [version, epoch, floor, collector]
  history,   \* what was published, by generation: [by, object]
  lists,     \* what each collection lets go and carries over, written once: [carry, condemned]
  turn,      \* who has the pipeline's turn
  actor,     \* what each attempt of an actor is at, and what it knows
  stolen     \* whether a swap replaced another instance of the pointer than the one that was read

vars == <<objects, notes, pointer, history, lists, turn, actor, stolen>>

Newest == Len(history)
(* A state of the pointer is told by its number in the chain of states; "etag" tells it by its content. *)
Token == IF Mode = "etag" THEN <<history[Newest].object, pointer.epoch>> ELSE pointer.version
Name(epoch, content) == [epoch |-> epoch, content |-> content]
Object(content) == Name(0, content)
Note(epoch, content, object) == [epoch |-> epoch, content |-> content, object |-> object]

Fresh == [does |-> "nothing", at |-> "idle", epoch |-> 0, content |-> CHOOSE c \in Contents : TRUE,
          object |-> Object(CHOOSE c \in Contents : TRUE), token |-> 0, version |-> 0, upto |-> 0, floor |-> 0,
          carry |-> {}, condemned |-> {}, told |-> "nothing", tries |-> 1]

(* One content is published; all have been made before, so that the others can be reused, and collected. *)
Init ==
  /\ objects = {Object(c) : c \in Contents}
  /\ notes = {Note(0, c, Object(c)) : c \in Contents}
  /\ pointer = [version |-> 1, epoch |-> 0, floor |-> 1, collector |-> Nobody]
  /\ history = <<[by |-> Nobody, object |-> Object(CHOOSE c \in Contents : TRUE)]>>
  /\ turn = Nobody
  /\ lists = [a \in Collections |-> None]
  /\ actor = [t \in Attempts |-> Fresh]
  /\ stolen = FALSE

Is(a, does, at) == actor[a].does = does /\ actor[a].at = at
Goes(a, change) == actor' = [actor EXCEPT ![a] = change]
(* An attempt counts while its actor has the turn and no later attempt was begun. *)
Counts(a) == turn = Who(a) /\ (a[2] = 1 /\ Who(a) \in Doubles => actor[<<Who(a), 2>>].at = "idle")
(* What else an attempt says is told to nobody. A rollback is a command's own act and needs no turn. *)
Ends(a, told) ==
  /\ Goes(a, [Fresh EXCEPT !.does = actor[a].does, !.at = "done",
              !.told = IF Counts(a) \/ actor[a].does = "rollback" THEN told ELSE "nothing"])
  /\ turn' = IF Counts(a) THEN Nobody ELSE turn

-----------------------------------------------------------------------------
(* Beginnings, ends and mishaps *)

Begin(a) ==
  /\ actor[a].at = "idle"
  /\ a[2] = 1
  /\ \/ /\ turn = Nobody
        /\ turn' = Who(a)
        /\ \/ Who(a) \in Runs /\ \E c \in Contents : Goes(a, [Fresh EXCEPT !.does = "run", !.at = "look", !.epoch = pointer.epoch, !.content = c])
           \/ Who(a) \in Collections /\ Goes(a, [Fresh EXCEPT !.does = "collect", !.at = "begin"])
     \/ /\ Who(a) \in Rollbacks
        /\ Goes(a, [Fresh EXCEPT !.does = "rollback", !.at = "choose"])
        /\ UNCHANGED turn
  /\ UNCHANGED <<objects, notes, pointer, history, lists, stolen>>

GiveUp ==
  /\ turn # Nobody
  /\ turn' = Nobody
  /\ UNCHANGED <<objects, notes, pointer, history, lists, actor, stolen>>

(* Another attempt at the same run or collection, which knows nothing of what the first has done, nor whether that is
   still at work. The engine makes one only of what it has not given up. *)
Retry(a) ==
  /\ a[2] = 2
  /\ actor[a].at = "idle"
  /\ turn = Who(a)
  /\ LET first == actor[<<Who(a), 1>>]
     IN /\ first.at \notin {"idle", "done", "look", "begin"}
        /\ Goes(a, [Fresh EXCEPT !.does = first.does, !.epoch = IF first.does = "run" THEN first.epoch ELSE 0,
                    !.content = first.content, !.at = IF first.does = "run" THEN "look" ELSE "begin"])
  /\ UNCHANGED <<objects, notes, pointer, history, lists, turn, stolen>>

(* Moves the pointer if it is what was read; then either the answer arrives, or the actor has to find out by reading. *)
Swap(a, next, published, known, unknown) ==
  \/ /\ Token = actor[a].token
     /\ pointer' = [next EXCEPT !.version = pointer.version + 1]
     /\ history' = history \o published
     /\ stolen' = (stolen \/ pointer.version # actor[a].version)
     /\ \/ known
        \/ unknown
  \/ /\ unknown
     /\ UNCHANGED <<pointer, history, stolen>>

-----------------------------------------------------------------------------
(* A run: one step, reused or made, and its publication *)

Look(a) ==
  /\ Is(a, "run", "look")
  /\ LET own == actor[a]
         kept == {n \in notes : n.epoch = own.epoch /\ n.content = own.content /\ n.object \in objects}
     IN IF kept = {} THEN Goes(a, [own EXCEPT !.at = "put"])
        ELSE \E n \in kept : Goes(a, [own EXCEPT !.at = "read", !.object = n.object])
  /\ UNCHANGED <<objects, notes, pointer, history, lists, turn, stolen>>

(* That the note of it may be lost costs a later run the work, and nothing else. *)
Put(a) ==
  /\ Is(a, "run", "put")
  /\ LET own == actor[a]
         name == Name(own.epoch, own.content)
     IN /\ objects' = objects \cup {name}
        /\ notes' = {n \in notes : ~(n.epoch = own.epoch /\ n.content = own.content)}
                      \cup {Note(own.epoch, own.content, name)}
        /\ Goes(a, [own EXCEPT !.at = "read", !.object = name])
  /\ UNCHANGED <<pointer, history, lists, turn, stolen>>

(* The pointer names its predecessor, which may have been collected; those before are found by manifests that stand. *)
Found(a) == \E g \in 1..Newest : g + 1 >= pointer.floor /\ history[g].by = Who(a)

Read(a) ==
  /\ Is(a, "run", "read")
  /\ IF Found(a) THEN Ends(a, "published")
     ELSE IF pointer.epoch # actor[a].epoch THEN Ends(a, "refused")
     ELSE IF actor[a].object \notin objects THEN Ends(a, "failed")
     ELSE /\ Goes(a, [actor[a] EXCEPT !.at = "swap", !.token = Token, !.version = pointer.version])
          /\ UNCHANGED turn
  /\ UNCHANGED <<objects, notes, pointer, history, lists, stolen>>

Publish(a) ==
  /\ Is(a, "run", "swap")
  /\ Swap(a, pointer, <<[by |-> Who(a), object |-> actor[a].object]>>, Ends(a, "published"),
          Goes(a, [actor[a] EXCEPT !.at = "read", !.token = 0, !.version = 0]) /\ UNCHANGED turn)
  /\ UNCHANGED <<objects, notes, lists>>

-----------------------------------------------------------------------------
(* A rollback: an older generation's content as a new generation *)

Choose(a) ==
  /\ Is(a, "rollback", "choose")
  /\ IF Found(a) THEN Ends(a, "published")
     ELSE IF actor[a].tries = 0 THEN Ends(a, "unknown")
     ELSE \E g \in pointer.floor..Newest :
       IF history[g].object \notin objects THEN Ends(a, "failed")
       ELSE /\ Goes(a, [actor[a] EXCEPT !.at = "swap", !.object = history[g].object, !.token = Token,
                        !.version = pointer.version])
            /\ UNCHANGED turn
  /\ UNCHANGED <<objects, notes, pointer, history, lists, stolen>>

GoBack(a) ==
  /\ Is(a, "rollback", "swap")
  /\ Swap(a, pointer, <<[by |-> Who(a), object |-> actor[a].object]>>, Ends(a, "published"),
          Goes(a, [Fresh EXCEPT !.does = "rollback", !.at = "choose", !.tries = 0]) /\ UNCHANGED turn)
  /\ UNCHANGED <<objects, notes, lists>>

-----------------------------------------------------------------------------
(* A collection: begins an epoch, looks what stays, carries notes over, deletes *)

Prepare(a) ==
  /\ Is(a, "collect", "begin")
  /\ IF pointer.collector = Who(a)
     THEN Goes(a, [actor[a] EXCEPT !.at = "list", !.epoch = pointer.epoch, !.floor = pointer.floor, !.upto = Newest])
     ELSE \E f \in {pointer.floor, Newest} :
            Goes(a, [actor[a] EXCEPT !.at = "swap", !.token = Token, !.version = pointer.version, !.floor = f])
  /\ UNCHANGED <<objects, notes, pointer, history, lists, turn, stolen>>

BeginEpoch(a) ==
  /\ Is(a, "collect", "swap")
  /\ LET epoch == IF Mode = "sweep" THEN 0 ELSE pointer.epoch + 1
         known == Goes(a, [actor[a] EXCEPT !.at = "list", !.epoch = epoch, !.upto = Newest, !.token = 0,
                           !.version = 0])
         unknown == Goes(a, [actor[a] EXCEPT !.at = "begin", !.token = 0, !.version = 0, !.floor = 0])
     IN Swap(a, [pointer EXCEPT !.epoch = epoch, !.floor = actor[a].floor, !.collector = Who(a)], <<>>, known, unknown)
  /\ UNCHANGED <<objects, notes, lists, turn>>

(* The list that an earlier attempt wrote. Of what that carries over stays what does not name by now what goes. *)
Adopt(a, list) ==
  Goes(a, [actor[a] EXCEPT !.at = "carry", !.floor = 0, !.upto = 0, !.condemned = list.condemned,
           !.carry = {n \in notes : n.epoch + 1 = actor[a].epoch /\ n.content \in list.carry /\ n.object \notin list.condemned}])

(* Results of the epoch that ended stay or not, by their age. What runs of this one know stays in any case. *)
Survey(a) ==
  /\ Is(a, "collect", "list")
  /\ IF Mode # "anew" /\ lists[Who(a)].is THEN Adopt(a, lists[Who(a)])
     ELSE LET own == actor[a]
              past == {n \in notes : IF Mode = "sweep" THEN TRUE ELSE n.epoch + 1 = own.epoch}
              known == IF Mode = "sweep" THEN {} ELSE {n \in notes : n.epoch = own.epoch}
              shown == {history[g].object : g \in own.floor..own.upto}
              old == {o \in objects : IF Mode = "sweep" THEN TRUE ELSE o.epoch < own.epoch}
          IN \E results \in {past, {}} :
               LET stay == shown \cup {n.object : n \in results \cup known}
               IN Goes(a, [own EXCEPT !.at = IF Mode = "anew" THEN "carry" ELSE "write", !.floor = 0, !.upto = 0,
                           !.carry = results, !.condemned = old \ stay])
  /\ UNCHANGED <<objects, notes, pointer, history, lists, turn, stolen>>

Write(a) ==
  /\ Is(a, "collect", "write")
  /\ LET own == actor[a]
         contents == {n.content : n \in own.carry}
     IN IF lists[Who(a)].is THEN Adopt(a, lists[Who(a)]) /\ UNCHANGED lists
        ELSE /\ lists' = [lists EXCEPT ![Who(a)] = [is |-> TRUE, carry |-> contents, condemned |-> own.condemned]]
             /\ Goes(a, [own EXCEPT !.at = "carry"])
  /\ UNCHANGED <<objects, notes, pointer, history, turn, stolen>>

Carry(a) ==
  /\ Is(a, "collect", "carry")
  /\ LET own == actor[a]
         open == {n \in own.carry : ~\E k \in notes : k.epoch = own.epoch /\ k.content = n.content}
     IN /\ notes' = notes \cup {Note(own.epoch, n.content, n.object) : n \in open}
        /\ Goes(a, [own EXCEPT !.at = "drop", !.carry = {}])
  /\ UNCHANGED <<objects, pointer, history, lists, turn, stolen>>

Drop(a) ==
  /\ Is(a, "collect", "drop")
  /\ notes' = {n \in notes : n.epoch >= actor[a].epoch}
  /\ Goes(a, [actor[a] EXCEPT !.at = "delete"])
  /\ UNCHANGED <<objects, pointer, history, lists, turn, stolen>>

Delete(a) ==
  /\ Is(a, "collect", "delete")
  /\ IF actor[a].condemned = {} THEN Ends(a, "collected") /\ UNCHANGED objects
     ELSE \E o \in actor[a].condemned :
          /\ objects' = objects \ {o}
          /\ Goes(a, [actor[a] EXCEPT !.condemned = @ \ {o}])
          /\ UNCHANGED turn
  /\ UNCHANGED <<notes, pointer, history, lists, stolen>>

-----------------------------------------------------------------------------
Over == (\A t \in Attempts : actor[t].at = "done" \/ t[2] = 2) /\ UNCHANGED vars

Next ==
  \/ GiveUp
  \/ Over
  \/ \E a \in Attempts :
       \/ Begin(a) \/ Retry(a)
       \/ Look(a) \/ Put(a) \/ Read(a) \/ Publish(a)
       \/ Choose(a) \/ GoBack(a)
       \/ Prepare(a) \/ BeginEpoch(a) \/ Survey(a) \/ Write(a) \/ Carry(a) \/ Drop(a) \/ Delete(a)

Spec == Init /\ [][Next]_vars

(* I1: every object that a kept generation names stands. *)
Whole == \A g \in pointer.floor..Newest : history[g].object \in objects
(* I2: a swap replaces the very instance that was read. *)
OneWinner == ~stolen
(* P2: a run or a rollback is published once. *)
Once == \A g, h \in 1..Newest : history[g].by = history[h].by => g = h
(* I4, P3: what somebody was told is so. *)
ToldTruly == \A a \in Attempts :
  /\ actor[a].told = "published" => \E g \in 1..Newest : history[g].by = Who(a)
  /\ actor[a].told \in {"refused", "failed"} => \A g \in 1..Newest : history[g].by # Who(a)

Symmetry == Permutations(Runs) \cup Permutations(Collections)
=============================================================================
