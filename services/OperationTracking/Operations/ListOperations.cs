using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.OperationTracking.Statistics;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// Operations by when they were queued, the latest first: one's own, and an admin all; from is included, to is not. Up to three times
/// context.name=value, with operationType or an entity, finds them by members of their context.
/// </summary>
internal static class ListOperations
{
    private const int MaxText = 200;

    /// <param name="User">Whose; only an admin finds others'.</param>
    /// <param name="Mine">True for one's own only.</param>
    /// <param name="Text">Part of the name, in any case.</param>
    /// <param name="ParentId">Parts of that operation.</param>
    // The rules are on the properties because OpenAPI cannot be generated when they are on the constructor's parameters.
    internal sealed record ListRequest(
        [FromQuery(Name = "operationType")][property: MaxLength(MaxText)] string? OperationType,
        [FromQuery(Name = "entityType")][property: MaxLength(MaxText)] string? EntityType,
        [FromQuery(Name = "entityId")][property: MaxLength(MaxText)] string? EntityId,
        [FromQuery(Name = "tag")][property: MaxLength(MaxText)] string? Tag,
        [FromQuery(Name = "user")][property: MaxLength(MaxText)] string? User,
        [FromQuery(Name = "mine")] bool? Mine,
        [FromQuery(Name = "text")][property: MaxLength(MaxText)] string? Text,
        [FromQuery(Name = "parentId")] Guid? ParentId);

    internal sealed record Key(DateTimeOffset QueuedAt, Guid Id);

    /// <summary>An operation and where it stands in the list, by the columns of whichever table has an index in that order.</summary>
    internal sealed class Place
    {
        public required Operation Operation { get; init; }

        public DateTimeOffset QueuedAt { get; init; }

        public Guid Id { get; init; }
    }

    public static async Task<Ok<Page<OperationView>>> Handle(
        Named<OperationStatus>? status, [AsParameters] ListRequest request, Moment? from, Moment? to, int? limit, string? cursor,
        ClaimsPrincipal user, HttpRequest http, OperationsDb db, LatestReports latest, History history, TimeProvider time, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var viewer = Viewer.Of(user);
        var after = Paging.Decode<Key>(cursor);
        var places = Found(request, status?.Value, viewer, db).WithContext(http.Query, request);
        if (from is { Value: var first })
        {
            places = places.Where(x => x.QueuedAt >= first);
        }

        if (to is { Value: var end })
        {
            places = places.Where(x => x.QueuedAt < end);
        }

        if (after is not null)
        {
            places = places.Where(x => EF.Functions.LessThan(ValueTuple.Create(x.QueuedAt, x.Id), ValueTuple.Create(after.QueuedAt, after.Id)));
        }

        var page = await places.OrderByDescending(x => x.QueuedAt).ThenByDescending(x => x.Id).Take(size + 1).Select(x => x.Operation).ToListAsync(cancel);
        foreach (var type in page.Where(row => !row.IsOver).Select(row => (row.OrgId, row.OperationType)).Distinct())
        {
            await history.Load(type.OrgId, type.OperationType, cancel);
        }

        var now = time.GetUtcNow();
        return TypedResults.Ok(Paging.Cut(
            [.. page.Select(row => OperationView.Of(row, latest.Of(row.OrgId, row.Id), history, now))], size, x => new Key(x.QueuedAt, x.OperationId)));
    }

    public static IQueryable<Place> Found(ListRequest request, OperationStatus? status, Viewer viewer, OperationsDb db)
    {
        var places = Filtered(request.Tag is { } tag ? Tagged(tag, db) : All(db), request, viewer);
        return status is { } wanted ? places.Where(x => x.Operation.Status == wanted) : places;
    }

    private static IQueryable<Place> All(OperationsDb db) =>
        db.Operations.AsNoTracking().Select(x => new Place { Operation = x, QueuedAt = x.QueuedAt, Id = x.Id });

    private static IQueryable<Place> Tagged(string tag, OperationsDb db) =>
        from t in db.OperationTags.AsNoTracking()
        where t.Tag == tag
        join x in db.Operations.AsNoTracking() on new { t.OrgId, Id = t.OperationId } equals new { x.OrgId, x.Id }
        select new Place { Operation = x, QueuedAt = t.QueuedAt, Id = t.OperationId };

    private static IQueryable<Place> Filtered(IQueryable<Place> rows, ListRequest request, Viewer viewer)
    {
        if (request.OperationType is { } type)
        {
            rows = rows.Where(x => x.Operation.OperationType == type);
        }

        if (request.EntityType is { } entityType)
        {
            rows = rows.Where(x => x.Operation.EntityType == entityType);
        }

        if (request.EntityId is { } entityId)
        {
            rows = rows.Where(x => x.Operation.EntityId == entityId);
        }

        if (request.ParentId is { } parent)
        {
            rows = rows.Where(x => x.Operation.ParentId == parent);
        }

        if (request.User is { } owner)
        {
            rows = rows.Where(x => x.Operation.UserId == owner);
        }

        if (!viewer.SeesAll || request.Mine == true)
        {
            rows = rows.Where(x => x.Operation.UserId == viewer.UserId);
        }

        if (!string.IsNullOrEmpty(request.Text))
        {
            var pattern = $"%{request.Text.Replace(@"\", @"\\").Replace("%", @"\%").Replace("_", @"\_")}%";
            rows = rows.Where(x => EF.Functions.ILike(x.Operation.DisplayName, pattern, @"\"));
        }

        return rows;
    }
}
