using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.ServiceDefaults.Tests.Sample;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Requests under a key, by one caller of one organisation.</summary>
public abstract class KeyedRequests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    protected Guid Org { get; } = Guid.NewGuid();

    protected Guid User { get; } = Guid.NewGuid();

    protected NotesFixture Fixture => fixture;

    protected HttpClient Client => fixture.Client(Org, user: User);

    protected static HttpRequestMessage Request(string path, string key, object? body = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        return request;
    }

    protected static async Task<HttpResponseMessage> Send(HttpClient client, string path, string key, object? body = null)
    {
        using var request = Request(path, key, body);
        return await client.SendAsync(request);
    }

    protected static bool IsReplay(HttpResponseMessage answer) => answer.Headers.TryGetValues("Idempotent-Replayed", out var values) && values.Single() == "true";

    protected async Task<string[]> Notes() => (await Client.GetFromJsonAsync<string[]>("/notes"))!;

    protected async Task Change(string sql)
    {
        await using var connection = await fixture.OpenAs("app", Org);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    protected static async Task Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    protected async Task<long> Count(string table, NpgsqlConnection? seenBy = null)
    {
        await using var connection = await fixture.OpenAs("app", Org);
        await using var count = new NpgsqlCommand($"SELECT count(*) FROM {table}", seenBy ?? connection);
        return (long)(await count.ExecuteScalarAsync())!;
    }

    protected static async Task<JsonElement> ShouldBeProblem(HttpResponseMessage response, int status, string slug)
    {
        ((int)response.StatusCode).ShouldBe(status, await response.Content.ReadAsStringAsync());
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        problem.GetProperty("type").GetString().ShouldBe($"https://opsplatform.dev/problems/{slug}");
        return problem;
    }
}
