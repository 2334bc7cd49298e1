using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using OpsPlatform.Attack.Tests.Api;
using OpsPlatform.Attack.Tests.Fixtures;
using OpsPlatform.Attack.Tests.Hostile;
using Case = OpsPlatform.Attack.Tests.Hostile.Case;

namespace OpsPlatform.Attack.Tests;

/// <summary>Everything the OpenAPI document offers, asked with everything it should not be asked with.</summary>
public sealed class AttackTests(AttackSystem system, ITestOutputHelper output)
{
    private const int Workers = 4;
    private const string ProblemTypes = "https://opsplatform.dev/problems/";
    private static readonly TimeSpan TooSlow = TimeSpan.FromSeconds(2);
    private static readonly int[] Refusals = [400, 401, 403, 404, 405, 406, 409, 410, 411, 413, 414, 415, 422, 423, 429, 431];

    /// <summary>Who has all errors retried, or all sessions ended, takes them away from those who look at one: they come last.</summary>
    private static readonly string[] TakesFromOthers = ["/errors/retry", "/sessions/revoke-others"];

    /// <summary>Random parts come from it: ATTACK_SEED repeats a run.</summary>
    private static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("ATTACK_SEED"), out var seed) ? seed : Random.Shared.Next();

    /// <summary>Only operations that contain this, for whoever hunts one defect.</summary>
    private static readonly string? Only = Environment.GetEnvironmentVariable("ATTACK_ONLY");

    private readonly ConcurrentQueue<string> _defects = [];
    private readonly ConcurrentQueue<(Operation Operation, Case Case, Shot Shot)> _refused = [];
    private readonly ConcurrentDictionary<string, (int Sent, int Refused)> _counts = [];

    [Fact]
    public async Task Hostile_requests_are_refused_with_a_problem_and_change_nothing()
    {
        output.WriteLine($"ATTACK_SEED={Seed}");
        var started = Stopwatch.GetTimestamp();
        var world = await World.Found(system, "attacked");
        Operation[] operations = [.. system.Api.Operations.Where(operation => Only is null || operation.Key.Contains(Only, StringComparison.OrdinalIgnoreCase))];
        foreach (var operation in operations)
        {
            await AllFixtures.Table.Make(operation.Key, world);
        }

        foreach (var round in operations.GroupBy(operation => TakesFromOthers.Any(end => operation.Path.EndsWith(end, StringComparison.Ordinal))).OrderBy(round => round.Key))
        {
            await Parallel.ForEachAsync(round, new ParallelOptions { MaxDegreeOfParallelism = Workers }, async (operation, _) =>
            {
                try
                {
                    await Attack(operation, world);
                }
                catch (InvalidOperationException exception)
                {
                    _defects.Enqueue($"{operation}: {exception.Message}");
                }
            });
        }

        var attacked = Stopwatch.GetElapsedTime(started);
        await RepeatAndCompare();

        foreach (var operation in operations)
        {
            var (sent, refused) = _counts.GetValueOrDefault(operation.Key);
            output.WriteLine($"{sent,5} sent {refused,5} refused  {operation}");
        }

        output.WriteLine($"{_counts.Values.Sum(count => count.Sent)} requests in {attacked.TotalSeconds:F0} s, {_refused.Count} refused ones again and {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s in all");
        foreach (var fault in system.LoggedFaults())
        {
            output.WriteLine(fault);
        }

        await ShouldBeHealthy();
        _defects.Order().ShouldBeEmpty($"{_defects.Count} defects, ATTACK_SEED={Seed}:\n{string.Join('\n', _defects.Order())}\n");
        operations.Where(operation => _counts.GetValueOrDefault(operation.Key).Refused == 0).ShouldBeEmpty("these operations refused nothing: they were not attacked");
    }

    private async Task Attack(Operation operation, World world)
    {
        var random = new Random(Seed ^ Hash(operation.Key));
        var methods = system.Api.Operations.Where(other => other.Path == operation.Path).Select(other => other.Method).ToArray();
        var shot = await Valid(operation, world);
        if (operation.Body is { } body)
        {
            foreach (var place in JsonPlace.Unreached(body, shot.Call.Json))
            {
                _defects.Enqueue($"{operation}: the fixture gives no value for {place}, so that what is in it is not attacked");
            }
        }

        foreach (var hostile in Cases.Of(operation, shot.Call, methods, random))
        {
            var spoilt = hostile.Spoil(shot);
            var answer = await Send(operation, hostile, spoilt);
            if (answer is null)
            {
                continue;
            }

            Judge(operation, hostile, answer);
            _counts.AddOrUpdate(operation.Key, _ => (1, answer.IsSuccess ? 0 : 1), (_, count) => (count.Sent + 1, count.Refused + (answer.IsSuccess ? 0 : 1)));
            if (answer.Status is >= 400 and < 500)
            {
                _refused.Enqueue((operation, hostile, spoilt));
            }

            // Taken, it may have used up what the valid request needs; so have wrong passwords once they lock the account.
            if ((answer.IsSuccess && operation.Method != "GET") || answer.Status == 423)
            {
                shot = await Valid(operation, world);
            }
        }

        shot = await Valid(operation, world);
        var control = await system.Send(shot.Call, shot.Token);
        // Many wrong secrets shut the door for a while, as they should.
        if (!shot.Call.IsAnswered(control) && control.Status != 429)
        {
            _defects.Enqueue($"{operation}: a valid request is refused after the attack: {control}");
        }
    }

    private static async Task<Shot> Valid(Operation operation, World world) =>
        new(await AllFixtures.Table.Make(operation.Key, world), operation.NeedsToken ? world.Owner.Token : null);

    private async Task<Answer?> Send(Operation operation, Case hostile, Shot shot)
    {
        try
        {
            var answer = await system.Send(shot.Call, shot.Token, shot.Body?.Invoke());
            if (answer.Took > TooSlow)
            {
                // The machine may have been busy; the request is to blame only if it is slow again.
                answer = await system.Send(shot.Call, shot.Token, shot.Body?.Invoke());
            }

            return answer;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException or IOException)
        {
            _defects.Enqueue($"{operation} [{hostile.Name}]: no answer: {exception.GetBaseException().Message}");
            return null;
        }
    }

    private void Judge(Operation operation, Case hostile, Answer answer)
    {
        void Defect(string what) => _defects.Enqueue($"{operation} [{hostile.Name}]: {what}: {answer}");
        if (answer.Took > TooSlow)
        {
            Defect($"took {answer.Took.TotalSeconds:F1} s");
        }

        if (answer.Status < 400)
        {
            if (hostile.MustRefuse)
            {
                Defect("was taken");
            }

            return;
        }

        if (!(hostile.Statuses is { Length: > 0 } fitting ? fitting : Refusals).Contains(answer.Status))
        {
            Defect("is not the right refusal");
        }
        else if (ProblemFault(answer) is { } fault)
        {
            Defect(fault);
        }
    }

    private static string? ProblemFault(Answer answer)
    {
        if (answer.ContentType != "application/problem+json")
        {
            return $"is no problem but {answer.ContentType ?? "nothing"}";
        }

        var problem = answer.Json;
        return !Text(problem, "type").StartsWith(ProblemTypes, StringComparison.Ordinal) ? "has no type of ours"
            : Text(problem, "title").Length == 0 ? "has no title"
            : Text(problem, "traceId").Length == 0 ? "has no traceId"
            : !problem.TryGetProperty("status", out var status) || status.GetInt32() != answer.Status ? "has another status"
            : answer.Text.Contains("OpsPlatform.", StringComparison.Ordinal) || answer.Text.Contains("System.", StringComparison.Ordinal) || answer.Text.Contains("Npgsql", StringComparison.Ordinal) ? "names types of ours"
            : null;
    }

    /// <summary>The same in every process.</summary>
    private static int Hash(string text) => text.Aggregate(17, (hash, letter) => unchecked((hash * 31) + letter));

    private static string Text(JsonElement problem, string name) =>
        problem.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    /// <summary>All that was refused comes a second time, between two looks at every table.</summary>
    private async Task RepeatAndCompare()
    {
        var before = await Digest.Of(system);
        await Parallel.ForEachAsync(_refused, new ParallelOptions { MaxDegreeOfParallelism = Workers }, async (refused, _) =>
        {
            var (operation, hostile, shot) = refused;
            if (await Send(operation, hostile, shot) is { IsSuccess: true } answer)
            {
                _defects.Enqueue($"{operation} [{hostile.Name}]: was refused at first and taken when it came again: {answer}");
            }
        });
        foreach (var difference in Digest.Differences(before, await Digest.Of(system)))
        {
            _defects.Enqueue($"Refused requests changed {difference}");
        }
    }

    private async Task ShouldBeHealthy()
    {
        foreach (var service in Repository.Clients)
        {
            using var http = new HttpClient();
            var health = JsonElement.Parse(await http.GetStringAsync(new Uri(system.Address(service), "/health")));
            health.GetProperty("status").GetString().ShouldBe("healthy", $"{service}: {health}");
        }
    }
}
