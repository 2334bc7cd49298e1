using System.Globalization;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Reports;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Finds operations by members of their context, as context.name=value in the query: the text, or the number, true or false that the value may also be read as.</summary>
internal static class ContextFilter
{
    private const string Prefix = "context.";
    private const int MaxMembers = 3;

    /// <exception cref="BadHttpRequestException">Too many, or nothing besides that keeps the search short; answered as 400.</exception>
    public static IQueryable<ListOperations.Place> WithContext(this IQueryable<ListOperations.Place> places, IQueryCollection query, ListOperations.ListRequest request)
    {
        var members = query.Where(x => x.Key.StartsWith(Prefix, StringComparison.Ordinal)).SelectMany(x => x.Value, (x, value) => (Name: x.Key[Prefix.Length..], Value: value ?? "")).ToArray();
        if (members.Length > MaxMembers)
        {
            throw new BadHttpRequestException($"context: at most {MaxMembers} members at a time.");
        }

        if (members.Length > 0 && request is not ({ OperationType: not null } or { EntityType: not null, EntityId: not null }))
        {
            throw new BadHttpRequestException("context: give operationType, or entityType and entityId, besides.");
        }

        foreach (var (name, value) in members)
        {
            var text = Json(name, JsonSerializer.Serialize(value));
            var scalar = double.TryParse(value, CultureInfo.InvariantCulture, out _) || value is "true" or "false" ? Json(name, value) ?? text : text;
            places = places.Where(x => EF.Functions.JsonContains(x.Operation.Context!, text!) || EF.Functions.JsonContains(x.Operation.Context!, scalar!));
        }

        return places;
    }

    private static string? Json(string name, string value) => Text.ObjectOrNull($"{{{JsonSerializer.Serialize(name)}:{value}}}");
}
