using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.Inventory.Recipes;

namespace OpsPlatform.Inventory.Stock;

internal enum DecisionState
{
    Consumed,
    Refused,
    Restored,
    Cancelled,
}

/// <summary>What was decided for an order.</summary>
internal sealed record StockDecision(
    Guid OrderId, DecisionState State, IReadOnlyList<IngredientQuantity> Consumed, IReadOnlyList<RejectionReason> Reasons, DateTimeOffset? OccurredAt)
{
    /// <summary>What the order hears when it asks for stock.</summary>
    public object AnswerToRequest() => State switch
    {
        DecisionState.Consumed => new StockConsumed(OrderId, Consumed, OccurredAt),
        DecisionState.Refused => new StockRefused(OrderId, Reasons),
        _ => new StockRefused(OrderId, [new("cancelled")]),
    };

    public StockRestored AnswerToCancel() => new(OrderId, Consumed, OccurredAt);
}

/// <summary>The decisions' table. A decision's row is claimed before anything is decided, so that two transactions never decide the same order.</summary>
internal static class StockDecisions
{
    // A claim holds 'refused' until its own transaction settles it; no other sees it before.
    private const string ClaimSql = """
        INSERT INTO stock_decisions (order_id, state, decided_at) SELECT id, $2, $3 FROM unnest($1::uuid[]) AS u(id) ORDER BY id
        ON CONFLICT DO NOTHING RETURNING order_id
        """;

    private const string ReadSql = "SELECT order_id, state, consumed, reasons, occurred_at FROM stock_decisions WHERE order_id = ANY($1) ORDER BY order_id";

    // Not an UPDATE: one that joins the decisions may read all of them, this looks each up by its key.
    private const string SettleSql = """
        INSERT INTO stock_decisions (order_id, state, consumed, reasons, occurred_at, decided_at)
        SELECT order_id, state, consumed, reasons, occurred_at, $5
        FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::jsonb[], $6::timestamptz[]) AS u(order_id, state, consumed, reasons, occurred_at)
        ON CONFLICT (org_id, order_id) DO UPDATE SET
          state = excluded.state, consumed = excluded.consumed, reasons = excluded.reasons, occurred_at = excluded.occurred_at, decided_at = excluded.decided_at
        """;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>Claims the orders not decided yet and reads what requests need, in one round trip.</summary>
    /// <returns>The orders claimed; the earlier decisions on the others; what the recipes need.</returns>
    public static async Task<(HashSet<Guid> Claimed, Dictionary<Guid, StockDecision> Earlier, RecipeLeaves Leaves)> Claim(
        NpgsqlConnection connection, Guid[] orders, Guid[] recipes, DateTimeOffset now, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { ClaimCommand(orders, DecisionState.Refused, now), ReadCommand(ReadSql, orders), RecipeLeaves.Read(recipes) } };
        await using var row = await batch.ExecuteReaderAsync(cancel);
        var claimed = await ReadIds(row, cancel);
        await row.NextResultAsync(cancel);
        var earlier = await ReadDecisions(row, cancel);
        await row.NextResultAsync(cancel);
        return (claimed, earlier, await RecipeLeaves.Of(row, cancel));
    }

    /// <summary>Leaves a tombstone for every order not decided yet, and locks the decisions on the others.</summary>
    public static async Task<(HashSet<Guid> Tombstones, Dictionary<Guid, StockDecision> Decisions)> Cancel(
        NpgsqlConnection connection, Guid[] orders, DateTimeOffset now, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands = { ClaimCommand(orders, DecisionState.Cancelled, now), ReadCommand($"{ReadSql} FOR UPDATE", orders) },
        };
        await using var row = await batch.ExecuteReaderAsync(cancel);
        var tombstones = await ReadIds(row, cancel);
        await row.NextResultAsync(cancel);
        return (tombstones, await ReadDecisions(row, cancel));
    }

    public static NpgsqlBatchCommand Settle(IReadOnlyCollection<StockDecision> decisions, DateTimeOffset now) => new(SettleSql)
    {
        Parameters =
        {
            new() { Value = decisions.Select(x => x.OrderId).ToArray() },
            new() { Value = decisions.Select(x => Text(x.State)).ToArray() },
            new() { Value = decisions.Select(x => JsonSerializer.Serialize(x.Consumed, Json)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb },
            new() { Value = decisions.Select(x => JsonSerializer.Serialize(x.Reasons, Json)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb },
            new() { Value = now },
            new() { Value = decisions.Select(x => x.OccurredAt).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz },
        },
    };

    private static NpgsqlBatchCommand ClaimCommand(Guid[] orders, DecisionState state, DateTimeOffset now) => new(ClaimSql)
    {
        Parameters = { new() { Value = orders }, new() { Value = Text(state) }, new() { Value = now } },
    };

    private static NpgsqlBatchCommand ReadCommand(string sql, Guid[] orders) => new(sql) { Parameters = { new() { Value = orders } } };

    private static string Text(DecisionState state) => state.ToString().ToLowerInvariant();

    private static async Task<HashSet<Guid>> ReadIds(NpgsqlDataReader row, CancellationToken cancel)
    {
        HashSet<Guid> ids = [];
        while (await row.ReadAsync(cancel))
        {
            ids.Add(row.GetGuid(0));
        }

        return ids;
    }

    private static async Task<Dictionary<Guid, StockDecision>> ReadDecisions(NpgsqlDataReader row, CancellationToken cancel)
    {
        Dictionary<Guid, StockDecision> decisions = [];
        while (await row.ReadAsync(cancel))
        {
            var order = row.GetGuid(0);
            decisions[order] = new(
                order,
                Enum.Parse<DecisionState>(row.GetString(1), ignoreCase: true),
                JsonSerializer.Deserialize<IReadOnlyList<IngredientQuantity>>(row.GetString(2), Json)!,
                JsonSerializer.Deserialize<IReadOnlyList<RejectionReason>>(row.GetString(3), Json)!,
                row.IsDBNull(4) ? null : row.GetFieldValue<DateTimeOffset>(4));
        }

        return decisions;
    }
}
