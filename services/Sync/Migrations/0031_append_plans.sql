-- Planned anew at each call, an append costs as much again. The plan that stays looks single entries up by index, whatever the
-- tables held when it was made.
ALTER FUNCTION append_changes(text, bigint[], uuid[], uuid[], text[], text[], text[], text[], text[], bigint[], text[], text[], text[], text[], timestamptz[])
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off;
