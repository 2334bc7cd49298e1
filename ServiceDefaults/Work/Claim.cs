using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;
using OpsPlatform.Contracts;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>A lease on a piece of work.</summary>
internal sealed record Claim(
    Guid OrgId, Guid Id, OperationStarted Started, string Args, string? Checkpoint, string Actor, Guid CorrelationId, string? TraceParent, int Attempt, long Fence, string? CancelledBy,
    string? ApprovedDigest, int Pardoned, int EnteredStep, string? Effects, bool IsCompensating)
{
    /// <summary>Attempts that count, this one included.</summary>
    public int Tries => Attempt - Pardoned;

    public static Claim Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetGuid(1), JsonSerializer.Deserialize<OperationStarted>(row.GetString(2), OperationJson.Options)!, row.GetString(3),
        row.IsDBNull(4) ? null : row.GetString(4), row.GetString(5), row.GetGuid(6), row.IsDBNull(7) ? null : row.GetString(7), row.GetInt32(8), row.GetInt64(9),
        row.IsDBNull(10) ? null : row.GetString(10), row.IsDBNull(11) ? null : row.GetString(11), row.GetInt32(12),
        row.GetInt32(13), row.IsDBNull(14) ? null : row.GetString(14), row.GetBoolean(15));
}

internal static class OperationJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) } };
}
