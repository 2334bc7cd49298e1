using Npgsql;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>The kinds of work that this service does and what they hold, for the statements that ask for it.</summary>
internal sealed class Kinds
{
    /// <summary>As the first of a statement's WITH; its first three parameters.</summary>
    public const string Sql = "kinds AS (SELECT * FROM unnest($1::text[], $2::text[], $3::int[]) AS k (operation_type, hold, at_once))";

    /// <summary>From here to the end of the transaction, which may be one batch, nobody else gives or takes what work holds.</summary>
    public const string LockSql = "SELECT pg_advisory_xact_lock(hashtext('opsplatform holds'))";

    private readonly OperationKind[] _kinds;

    /// <exception cref="InvalidOperationException">Two kinds say otherwise of the same hold.</exception>
    public Kinds(IEnumerable<Worker> workers)
    {
        _kinds = [.. workers.Select(worker => worker.Kind)];
        if (_kinds.Select(kind => kind.Holds).OfType<WorkHold>().Distinct().GroupBy(hold => hold.Name).FirstOrDefault(same => same.Count() > 1 || same.Single().AtOnce < 1) is { } wrong)
        {
            throw new InvalidOperationException($"The hold {wrong.Key} is for one number of operations at once, at least 1, wherever it is named.");
        }
    }

    public bool AnyHolds => _kinds.Any(kind => kind.Holds is not null);

    public NpgsqlBatchCommand Command(string sql) => new(sql)
    {
        Parameters =
        {
            new() { Value = _kinds.Select(kind => kind.Type).ToArray() },
            new() { Value = _kinds.Select(kind => kind.Holds?.Name).ToArray() },
            new() { Value = _kinds.Select(kind => kind.Holds?.AtOnce).ToArray() },
        },
    };
}
