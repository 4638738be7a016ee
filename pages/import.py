"""Import: files become a batch, its rows are checked and mended, its plan is read and committed."""

from pages.components import state
from pages.components.committing import follow_commit
from pages.components.fixing import show_fixing
from pages.components.frame import opened
from pages.components.intake import show_intake
from pages.components.outcome import show_outcome
from pages.components.planning import show_plan
from pages.components.sources import show_sources
from pages.components.stepper import show_stepper, view_of
from pages.components.waiting import checked

VIEWS = {"files": show_sources, "check": show_fixing, "plan": show_plan}

with opened("Import") as service:
    named = state.batch_id()
    if named is None:
        show_stepper(None, "files")
        show_intake(service)
    else:
        batch = service.batch(named)
        view = view_of(batch)
        show_stepper(batch, view)
        follow_commit(batch)
        if batch.status != "open":
            show_outcome(service, batch)
        else:
            is_patient = view == "check" and not state.take(f"check:{batch.id}")
            again = state.take(f"again:{batch.id}")
            VIEWS[view](service, checked(service, batch, again=again, patient=is_patient))
