-- A plan that is kept is made for the organisation that asks first and then serves all others. Of current_org() the planner takes the value of that moment: compared with it
-- a new organisation, which the statistics do not know, has no rows at all, so that one index is as good as another, and by a wrong one the next organisation's million
-- rows are read through for one of them. What a subselect gives is not known while planning, and every organisation counts as an average one.

-- All three are run at every start, after all migrations, for what was made since.

CREATE FUNCTION ops_plan_functions_for_any_organisation() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  known text := 'org_id = current' || '_org()';
  any_one text := 'org_id = (SELECT current' || '_org())';
  made record;
BEGIN
  FOR made IN
    SELECT pg_get_functiondef(oid) AS definition FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind IN ('f', 'p') AND prosrc LIKE '%' || known || '%'
  LOOP
    EXECUTE replace(made.definition, known, any_one);
  END LOOP;
END $$;

CREATE FUNCTION ops_tables_planned_for_one_organisation() RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT coalesce(array_agg(DISTINCT tablename::text), '{}') FROM pg_policies WHERE schemaname = 'public' AND qual LIKE '%org_id = current' || '_org()%'
$$;

-- Its lock keeps everybody from the table: called for one table a transaction, so that what waits for one holds no other, and soon given up, so that nobody queues for long
-- behind what itself waits for a backup.
CREATE FUNCTION ops_plan_for_any_organisation(p_table text) RETURNS void LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
  known text := 'org_id = current' || '_org()';
  any_one text := 'org_id = (SELECT current' || '_org())';
  made record;
BEGIN
  FOR made IN SELECT * FROM pg_policies WHERE schemaname = 'public' AND tablename = p_table AND qual LIKE '%' || known || '%' LOOP
    EXECUTE format('ALTER POLICY %I ON %I USING (%s)', made.policyname, made.tablename, replace(made.qual, known, any_one));
  END LOOP;
END $$;
