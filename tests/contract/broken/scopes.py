"""Faults of state that sessions share."""

from segue.stores.memory import Change, MemoryStore

from .registry import fails


@fails("an_unknown_scope_is_empty_at_0_and_is_not_made_by_looking")
class MakesScopesByLooking(MemoryStore):
    def scope(self, name):
        self._scopes.setdefault(name, [])
        return super().scope(name)


@fails("changes_of_all_sessions_are_seen_by_all")
class ChangesOneScopeAnEvent(MemoryStore):
    def _encode(self, drafts):
        return super()._encode([d._replace(scopes=d.scopes and dict(list(d.scopes.items())[:1])) for d in drafts])


@fails("a_later_change_wins_and_null_deletes")
class KeepsNulls(MemoryStore):
    def scope(self, name):
        found = super().scope(name)
        return found._replace(values={k: v for delta in self._deltas(name) for k, v in delta.items()})


@fails("a_later_change_wins_and_null_deletes")
class KeepsTheFirstValue(MemoryStore):
    def scope(self, name):
        found = super().scope(name)
        return found._replace(values={k: v for delta in reversed(self._deltas(name)) for k, v in delta.items() if v is not None})


@fails("the_head_of_a_scope_moves_with_every_change_of_it_and_no_other")
class CountsChangesOfValuesOnly(MemoryStore):
    def scope(self, name):
        found = super().scope(name)
        return found._replace(head=min(found.head, 1))


@fails("a_draft_whose_key_is_known_changes_no_scope_and_a_revision_does")
class AppliesScopesOfKnownDrafts(MemoryStore):
    def append(self, session, drafts, **kwargs):
        commit = super().append(session, drafts, **kwargs)
        for draft, entry in zip(drafts, commit.entries, strict=True):
            for name, delta in (draft.scopes or {}).items() if not entry.new else ():
                self._scopes.setdefault(name, []).append(Change(session, (), [delta]))
        return commit


@fails("a_draft_whose_key_is_known_changes_no_scope_and_a_revision_does")
class AppliesNoScopesOfRevisions(MemoryStore):
    def append(self, session, drafts, *, on_key="ignore", **kwargs):
        drafts = [d._replace(scopes=None) for d in drafts] if on_key == "replace" else drafts
        return super().append(session, drafts, on_key=on_key, **kwargs)


@fails("a_fork_repeats_no_change_of_its_past")
class RepeatsThePastOfForks(MemoryStore):
    def create(self, session, drafts, *, fork=None):
        commit = super().create(session, drafts, fork=fork)
        for event in self.read(session, upto=fork.seq) if fork else ():
            for name, delta in (event.scopes or {}).items():
                self._scopes[name].append(Change(session, (), [delta]))
        return commit


@fails("what_a_deleted_session_changed_stays")
class TakesBackWhatADeletedSessionChanged(MemoryStore):
    def delete(self, session):
        for changes in self._scopes.values():
            changes[:] = [change for change in changes if change.session != session]
        super().delete(session)


@fails("any_text_is_the_name_of_a_scope")
class KnowsLowerCaseOnly(MemoryStore):
    def scope(self, name):
        return super().scope(name.lower())
