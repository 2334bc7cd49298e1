using System.Diagnostics;
using Npgsql;

namespace OpsPlatform.Bench.Frame;

/// <summary>An empty database with a service's own schema in the same server, with no service behind it: what the database does alone.</summary>
internal sealed class Shadow(BenchSystem system, string name)
{
    private static readonly string[] Folders = [.. Directory.Exists("/usr/lib/postgresql")
        ? Directory.EnumerateDirectories("/usr/lib/postgresql").Order().Reverse().Select(folder => Path.Combine(folder, "bin"))
        : [], .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')];

    public string Name => name;

    /// <summary>Where one of PostgreSQL's programs is.</summary>
    public static string Program(string called) => Folders.Select(folder => Path.Combine(folder, called)).First(File.Exists);

    public static async Task<Shadow> Create(BenchSystem system, string name, CancellationToken cancel)
    {
        await using var server = system.Database("postgres", 1);
        await Execute(server, $"DROP DATABASE IF EXISTS {name}", cancel);
        await Execute(server, $"CREATE DATABASE {name}", cancel);
        return new(system, name);
    }

    /// <param name="tables">Only these; all of the schema when there is none. What they need of each other must be there already.</param>
    public async Task Copy(string service, CancellationToken cancel, params string[] tables)
    {
        var dump = await Run("pg_dump", service, "", ["--schema-only", .. tables.SelectMany(table => new[] { "-t", table })], cancel);
        await Run("psql", name, dump, ["-X", "-q"], cancel);
    }

    public NpgsqlDataSource Database(int connections = 16, string? role = null) => system.Database(name, connections, role);

    /// <summary>Without capture and rules, as plain rows are stored; keys, checks and indexes stay.</summary>
    public async Task DropTriggers(CancellationToken cancel, params string[] tables)
    {
        await using var database = Database(1);
        foreach (var table in tables)
        {
            await Execute(database, $"ALTER TABLE {table} DISABLE TRIGGER USER", cancel);
        }
    }

    public static async Task Execute(NpgsqlDataSource database, string sql, CancellationToken cancel)
    {
        await using var command = database.CreateCommand(sql);
        command.CommandTimeout = 600;
        await command.ExecuteNonQueryAsync(cancel);
    }

    private async Task<string> Run(string program, string database, string input, string[] arguments, CancellationToken cancel)
    {
        var settings = system.Settings(database);
        var start = new ProcessStartInfo(Program(program))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])["-h", settings.Host!, "-p", $"{settings.Port}", "-U", settings.Username!, "-d", database, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["PGPASSWORD"] = settings.Password;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(cancel);
        var errors = process.StandardError.ReadToEndAsync(cancel);
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync(cancel);
        return process.ExitCode == 0 ? await output : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {await errors}");
    }
}
