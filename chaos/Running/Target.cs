using Npgsql;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Chaos.Running;

/// <summary>One process of the system as its host sees it.</summary>
internal sealed record Instance(string Name, string Health, int? ProcessId);

/// <summary>A running system to break.</summary>
/// <param name="Administrator">Connection string of who may read every organisation's rows and end sessions.</param>
/// <param name="Management">RabbitMQ's management API.</param>
/// <param name="Look">What the host says of its processes now.</param>
/// <param name="HostProcessId">The host's own process, when it is not this one.</param>
internal sealed record Target(Uri Gateway, string Administrator, Uri Broker, Uri Management, Func<IReadOnlyList<Instance>> Look, int? HostProcessId = null)
{
    public static Target Of(BenchSystem system, string state)
    {
        var table = Path.Combine(state, "status.tsv");
        var messaging = Rows(table).First(row => row[0] == Events.Victims.Broker);
        return new(
            system.Gateway,
            new NpgsqlConnectionStringBuilder(system.Settings("postgres").ConnectionString) { Database = null }.ConnectionString,
            system.Broker,
            new Uri(messaging[4]),
            () => [.. Rows(table).Select(row => new Instance(row[0], row[2], int.TryParse(row[3], out var pid) ? pid : null))],
            system.HostProcessId);
    }

    public Instance? Find(string name) => Look().FirstOrDefault(instance => instance.Name == name);

    private static List<string[]> Rows(string table)
    {
        try
        {
            return [.. File.ReadAllLines(table).Select(line => line.Split('\t')).Where(row => row.Length == 5)];
        }
        catch (IOException)
        {
            // It is being replaced just now.
            return [];
        }
    }
}
