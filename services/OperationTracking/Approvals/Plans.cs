using System.Text;
using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Reports;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Plans as services tell them and as the database holds them.</summary>
internal static class Plans
{
    private const int MaxDigest = 200;
    private const int MaxPolicyBytes = 64 * 1024;
    private static readonly JsonSerializerOptions RowOptions = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <returns>The plan as the table takes it. A policy that it cannot hold becomes one that asks nobody, which is denied.</returns>
    public static OperationPlan Storable(OperationPlan plan) => plan with
    {
        Digest = Text.Storable(plan.Digest ?? "", MaxDigest),
        Effect = Text.ObjectOrNull(plan.Effect) ?? "{}",
        Policy = IsStorable(plan.Policy) ? plan.Policy : new([]),
    };

    public static string Json(OperationPlan plan) => JsonSerializer.Serialize(plan, RowOptions);

    public static OperationPlan Of(string json) => JsonSerializer.Deserialize<OperationPlan>(json, RowOptions)!;

    private static bool IsStorable(ApprovalPolicy? policy)
    {
        var json = JsonSerializer.Serialize(policy, RowOptions);
        return policy is not null && Encoding.UTF8.GetByteCount(json) <= MaxPolicyBytes && !json.Contains("\\u0000", StringComparison.Ordinal);
    }
}
