using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.ApiKeys;

/// <summary>The organisation's keys without their secrets, revoked and expired ones too, the latest first.</summary>
internal static class ListApiKeys
{
    /// <param name="LastUsedAt">Within five minutes; null when it was never used.</param>
    public sealed record Item(
        Guid Id, string Prefix, string Name, IReadOnlyList<string> Scopes, Guid CreatedBy, DateTimeOffset CreatedAt,
        DateTimeOffset? LastUsedAt, DateTimeOffset ExpiresAt, DateTimeOffset? RevokedAt, long RowVersion);

    public static async Task<Ok<Page<Item>>> Handle(
        IdentityDb db, Caller caller, CancellationToken cancel, int? limit = null, string? cursor = null)
    {
        var size = Paging.Limit(limit);
        var before = Paging.Decode<Guid?>(cursor);
        var rows = await (
            from key in db.ApiKeys.AsNoTracking()
            join use in db.ApiKeyUses.AsNoTracking() on new { key.OrgId, key.Id } equals new { use.OrgId, use.Id } into uses
            from use in uses.DefaultIfEmpty()
            where key.OrgId == caller.Org && (before == null || key.Id < before)
            orderby key.Id descending
            select new { key, LastUsedAt = (DateTimeOffset?)use.LastUsedAt }).Take(size + 1).ToListAsync(cancel);
        var page = Paging.Cut(rows, size, row => row.key.Id);

        return TypedResults.Ok(new Page<Item>(
            [.. page.Items.Select(row => new Item(
                row.key.Id, row.key.Prefix, row.key.Name, row.key.Scopes, row.key.CreatedBy, row.key.CreatedAt,
                row.LastUsedAt, row.key.ExpiresAt, row.key.RevokedAt, row.key.RowVersion))],
            page.NextCursor));
    }
}
