using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>What something was before an operation changed it, and after.</summary>
/// <param name="Key">Which of its kind.</param>
/// <param name="Before">As JSON; null for what the operation created.</param>
/// <param name="After">Null for what it deleted.</param>
public sealed record OperationImage(long Ordinal, string Entity, string Key, string? Before, string? After)
{
    /// <summary>An operation's images, the last first.</summary>
    /// <param name="before">Only those before this ordinal.</param>
    public static Task<List<OperationImage>> Of(ServiceDb db, Guid operation, long before, int most, CancellationToken cancel) => db.Database.SqlQuery<OperationImage>(
        $"""
        SELECT ordinal AS "Ordinal", entity AS "Entity", key AS "Key", before::text AS "Before", after::text AS "After" FROM operation_images
        WHERE org_id = (SELECT current_org()) AND operation_id = {operation} AND ordinal < {before} ORDER BY ordinal DESC LIMIT {most}
        """).ToListAsync(cancel);

    public T? ReadBefore<T>()
        where T : class => Before is null ? null : JsonSerializer.Deserialize<T>(Before, OperationJson.Options);

    public T? ReadAfter<T>()
        where T : class => After is null ? null : JsonSerializer.Deserialize<T>(After, OperationJson.Options);
}
