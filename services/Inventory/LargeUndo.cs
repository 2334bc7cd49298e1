using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory;

/// <summary>
/// Undoing many lines at once has to be agreed to, for nothing undoes an undo. Lines are told in the order in which they are undone: what each is called, and
/// why it would not be undone, or null.
/// </summary>
internal static class LargeUndo
{
    /// <summary>Of a line that could be undone by now: it is no part of what was agreed to.</summary>
    public const string LeftOut = "It could not be undone when the undo began.";

    /// <summary>Lines that would be undone.</summary>
    private const int Many = 1000;

    /// <summary>The plan tells so many reasons; the preview tells 200.</summary>
    private const int MaxRefusals = 20;

    /// <summary>One admin or owner, who may be the one who asks: a shop of one person confirms what it was shown.</summary>
    private static readonly ApprovalPolicy Policy = new([new("managers", 1, Roles: [Roles.Admin, Roles.Owner])], AllowsOwnVote: true, ReminderMinutes: 24 * 60);

    /// <param name="Undoes">The operation that is undone.</param>
    /// <param name="Done">Lines that would be undone.</param>
    /// <param name="Refused">Lines that would not be.</param>
    /// <param name="Refusals">The first 20 of them.</param>
    private sealed record Effect(Guid Undoes, int Done, int Refused, IReadOnlyList<UndoRefusal> Refusals, bool CannotBeUndone = true);

    public static UndoPreview Preview(IEnumerable<(string What, string? Error)> lines)
    {
        var preview = UndoPreview.Of(lines);
        return preview with { NeedsApproval = preview.Done >= Many };
    }

    /// <returns>Null when nobody has to agree.</returns>
    public static OperationPlan? Plan(Guid undoes, IReadOnlyList<(string What, string? Error)> lines) => Preview(lines) is { NeedsApproval: true } large ? Of(undoes, lines, large) : null;

    /// <summary>To be called before anything is undone, with the lines as they are then.</summary>
    /// <exception cref="OperationReplannedException">Somebody has to agree, and did not or to something else.</exception>
    public static void MustBeAgreed(Operation operation, Guid undoes, IReadOnlyList<(string What, string? Error)> lines)
    {
        var preview = Preview(lines);
        if ((preview.NeedsApproval || operation.ApprovedDigest is not null) && Of(undoes, lines, preview) is var plan && plan.Digest != operation.ApprovedDigest)
        {
            throw new OperationReplannedException(plan);
        }
    }

    /// <summary>What a line would become does not change; whether it can be undone does. Why not is no part of the digest: it tells of stock, which moves all day.</summary>
    private static OperationPlan Of(Guid undoes, IEnumerable<(string What, string? Error)> lines, UndoPreview preview)
    {
        var all = new StringBuilder().Append(undoes).AppendJoin("", lines.Select(line => $"\n{(line.Error is null ? '+' : '-')} {line.What}")).ToString();
        var effect = new Effect(undoes, preview.Done, preview.Refused, [.. preview.Refusals.Take(MaxRefusals)]);
        return new(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all))), JsonSerializer.Serialize(effect, Json.Options), Policy, preview.Done);
    }
}
