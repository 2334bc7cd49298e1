using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Alerts;

/// <summary>Alerts of the organisation's operations, the latest first; both states unless told.</summary>
internal static class ListAlerts
{
    internal enum State
    {
        Open,
        Resolved,
    }

    /// <param name="OperationId">Null for a failure_rate.</param>
    /// <param name="ResolvedAt">Null while it is open.</param>
    public record AlertView(
        Guid Id, Guid RuleId, string Rule, AlertKind Kind, string OperationType, Guid? OperationId, string Message, DateTimeOffset OpenedAt, DateTimeOffset? ResolvedAt);

    internal sealed record Key(DateTimeOffset OpenedAt, Guid Id);

    public static async Task<Ok<Page<AlertView>>> Handle(Named<State>? state, int? limit, string? cursor, OperationsDb db, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<Key>(cursor);
        var alerts = db.Alerts.AsNoTracking();
        if (state is { Value: var wanted })
        {
            alerts = alerts.Where(x => (x.ResolvedAt == null) == (wanted == State.Open));
        }

        if (after is not null)
        {
            alerts = alerts.Where(x => EF.Functions.LessThan(ValueTuple.Create(x.OpenedAt, x.Id), ValueTuple.Create(after.OpenedAt, after.Id)));
        }

        var page = await alerts.OrderByDescending(x => x.OpenedAt).ThenByDescending(x => x.Id).Take(size + 1).ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut(
            [.. page.Select(x => new AlertView(x.Id, x.RuleId, x.RuleName, x.Kind, x.OperationType, x.OperationId, x.Message, x.OpenedAt, x.ResolvedAt))],
            size, x => new Key(x.OpenedAt, x.Id)));
    }
}
