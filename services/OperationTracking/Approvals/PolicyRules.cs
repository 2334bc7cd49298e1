using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>What a policy must be so that it can be asked for at all, whoever the members are.</summary>
internal static class PolicyRules
{
    private const int MostGroups = 20;
    private const int MostLevels = 20;
    private const int MostUsers = 200;
    private const int MostVotes = 1_000;
    private const int MaxName = 100;
    private const int MaxDeadlineMinutes = 366 * 24 * 60;

    /// <returns>What is wrong, by the path of the value, such as groups[0].votes; nothing when all is well.</returns>
    public static IReadOnlyList<(string Path, string Message)> Faults(ApprovalPolicy policy)
    {
        var levels = policy.Levels ?? [];
        IEnumerable<(string Path, ApprovalGroup? Group)> groups =
        [
            .. Paths("groups", policy.Groups),
            .. levels.SelectMany((level, index) => Paths($"levels[{index}].groups", level?.Groups)),
            .. policy.EscalateTo is { } last ? [("escalateTo", last)] : Array.Empty<(string, ApprovalGroup?)>(),
        ];
        return
        [
            .. Count("groups", policy.Groups?.Count ?? 0, 1, MostGroups),
            .. Count("levels", levels.Count, 0, MostLevels),
            .. groups.SelectMany(x => Group(x.Path, x.Group)),
            .. levels.SelectMany((level, index) => Level($"levels[{index}]", level)),
            .. Times(policy),
            .. groups.Where(x => x.Group?.Name is not null).GroupBy(x => x.Group!.Name).SelectMany(same => same.Skip(1))
                .Select(x => ($"{x.Path}.name", $"'{x.Group!.Name}' names two groups: give each a name of its own")),
        ];
    }

    private static IEnumerable<(string, ApprovalGroup?)> Paths(string path, IReadOnlyList<ApprovalGroup>? groups) =>
        (groups ?? []).Select((group, index) => ($"{path}[{index}]", (ApprovalGroup?)group));

    private static IEnumerable<(string, string)> Group(string path, ApprovalGroup? group)
    {
        if (group is null)
        {
            yield return (path, "must not be null");
            yield break;
        }

        if (group.Name is not { Length: > 0 and <= MaxName })
        {
            yield return ($"{path}.name", $"must have 1 to {MaxName} characters");
        }

        if (group.Votes is < 1 or > MostVotes)
        {
            yield return ($"{path}.votes", $"must be from 1 to {MostVotes}");
        }

        if ((group.Roles?.Count ?? 0) + (group.Users?.Count ?? 0) == 0)
        {
            yield return (path, "is nobody: name roles or users");
        }

        if (group.Roles?.All(Roles.Ranked.Contains) == false)
        {
            yield return ($"{path}.roles", $"must be of {string.Join(", ", Roles.Ranked)}");
        }

        if (group.Users?.Count > MostUsers || group.Users?.All(user => user is { Length: > 0 and <= MaxName }) == false)
        {
            yield return ($"{path}.users", $"must be at most {MostUsers} user ids");
        }
    }

    private static IEnumerable<(string, string)> Level(string path, ApprovalLevel? level)
    {
        if (level is null)
        {
            yield return (path, "must not be null");
            yield break;
        }

        foreach (var fault in Count($"{path}.groups", level.Groups?.Count ?? 0, 1, MostGroups))
        {
            yield return fault;
        }

        if (level is { Records: null, Money: null, Deletions: null })
        {
            yield return (path, "is reached by nothing: give it records, money or deletions");
        }

        if (level.Records < 0 || level.Money < 0 || level.Deletions < 0)
        {
            yield return (path, "must be reached by 0 or more");
        }
    }

    private static IEnumerable<(string, string)> Times(ApprovalPolicy policy)
    {
        if (policy.DeadlineMinutes is < 1 or > MaxDeadlineMinutes)
        {
            yield return ("deadlineMinutes", $"must be from 1 to {MaxDeadlineMinutes}");
        }

        foreach (var (path, minutes) in ((string, int?)[])[("reminderMinutes", policy.ReminderMinutes), ("escalationMinutes", policy.EscalationMinutes)])
        {
            if (minutes < 1 || minutes >= policy.DeadlineMinutes)
            {
                yield return (path, "must be at least 1 and before the deadline");
            }
        }

        if ((policy.EscalationMinutes is null) != (policy.EscalateTo is null))
        {
            yield return (policy.EscalateTo is null ? "escalateTo" : "escalationMinutes", "escalationMinutes and escalateTo come together");
        }
    }

    private static IEnumerable<(string, string)> Count(string path, int count, int least, int most) =>
        count < least || count > most ? [(path, $"must be {least} to {most}")] : [];
}
