using System.Text.Json;
using System.Text.Json.Nodes;
using MassTransit.Serialization;

namespace OpsPlatform.Architecture.Tests;

/// <summary>Services are deployed one by one, so messages of every age are on their way: a contract only grows.</summary>
public sealed class ContractTests
{
    private const string Command = "dotnet test tests/Architecture.Tests --filter ContractTests";
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Architecture.Tests", "Snapshots");

    /// <summary>As messages are written and read at the broker, and in the outbox.</summary>
    private static readonly (string Name, JsonSerializerOptions Options)[] Ways = [("broker", SystemTextJsonMessageSerializer.Options), ("outbox", new(JsonSerializerDefaults.Web))];

    public static TheoryData<string> Messages => [.. ContractShape.Messages.Select(ContractShape.NameOf)];

    [Fact]
    public void Contracts_and_queues_only_grow_and_what_is_new_is_recorded() =>
        Snapshot.ShouldHold(Path.Combine(Folder, "contracts.txt"), ContractShape.Lines(), Broken, Command);

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_of_the_first_day_is_read_today_and_one_of_today_by_a_reader_of_the_first_day(string name)
    {
        var type = ContractShape.Closed(ContractShape.Messages.Single(message => ContractShape.NameOf(message) == name));
        foreach (var (way, reader) in Ways)
        {
            var today = JsonSerializer.SerializeToNode(ContractShape.Example(type), type, reader)!;
            var file = Path.Combine(Folder, way, $"{name}.json");
            if (!File.Exists(file) && Snapshot.IsUpdating)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                File.WriteAllText(file, today.ToJsonString(new() { WriteIndented = true }) + "\n");
            }

            File.Exists(file).ShouldBeTrue($"{name} has no recorded example yet: UPDATE_SNAPSHOTS=1 {Command}");
            var first = JsonNode.Parse(File.ReadAllText(file))!;
            foreach (var message in (JsonNode[])[first, WithMore(first)])
            {
                var read = JsonSerializer.SerializeToNode(JsonSerializer.Deserialize(message.ToJsonString(), type, reader), type, reader)!;
                Missing(first, read).ShouldBeEmpty($"{name} of the first day loses this when it is read today");
            }

            // The oldest reader knows the names of the example and takes what kind of value stands under them; more it passes over.
            Missing(first, today, kindsOnly: true).ShouldBeEmpty($"a reader of the first day would miss this in today's {name}");
        }
    }

    private static string? Broken(string key, string? before, string? after) => (before, after) switch
    {
        (not null, null) when key.StartsWith("topology", StringComparison.Ordinal) => "messages already waiting in that queue would never be taken",
        (not null, null) => "a service of yesterday still sends or reads it",
        (not null, not null) when key.StartsWith("topology", StringComparison.Ordinal) => "a service of yesterday still uses the old name",
        (not null, not null) when before.StartsWith(after + " = ", StringComparison.Ordinal) => "messages without it are still on their way: it keeps its default",
        (not null, not null) => "a service of yesterday reads and writes the old type: give the new one a new name",
        (null, not null) when key.Contains('.', StringComparison.Ordinal) && !after.Contains(" = ", StringComparison.Ordinal) && IsRecorded(key[..key.IndexOf('.', StringComparison.Ordinal)]) =>
            "messages without it are on their way: give it a default",
        _ => null,
    };

    private static bool IsRecorded(string message) => Snapshot.Read(Path.Combine(Folder, "contracts.txt")).ContainsKey(message);

    private static JsonNode WithMore(JsonNode message)
    {
        var more = message.DeepClone();
        foreach (var node in Objects(more).ToArray())
        {
            node["addedLater"] = new JsonObject { ["deep"] = new JsonArray(1, "x", null) };
        }

        return more;
    }

    private static IEnumerable<JsonObject> Objects(JsonNode? node) => node switch
    {
        JsonObject found => found.SelectMany(member => Objects(member.Value)).Prepend(found),
        JsonArray list => list.SelectMany(Objects),
        _ => [],
    };

    private static IEnumerable<string> Missing(JsonNode? expected, JsonNode? found, string at = "$", bool kindsOnly = false) => (expected, found) switch
    {
        (JsonObject known, JsonObject given) => known.SelectMany(member => Missing(member.Value, given[member.Key], $"{at}.{member.Key}", kindsOnly)),
        (JsonArray known, JsonArray given) => known.Zip(given).SelectMany((pair, index) => Missing(pair.First, pair.Second, $"{at}[{index}]", kindsOnly)),
        _ when kindsOnly => expected?.GetValueKind() == found?.GetValueKind() ? [] : [at],
        _ => JsonNode.DeepEquals(expected, found) ? [] : [at],
    };
}
