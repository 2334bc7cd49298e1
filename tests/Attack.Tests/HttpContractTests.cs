using OpsPlatform.Attack.Tests.Api;

namespace OpsPlatform.Attack.Tests;

/// <summary>Frontends and scripts of yesterday call the API of today.</summary>
public sealed class HttpContractTests(AttackSystem system)
{
    [Fact]
    public void The_API_only_grows_and_what_is_new_is_recorded()
    {
        var file = Path.Combine(Repository.Root, "tests", "Attack.Tests", "Snapshots", "http-api.txt");
        var recorded = Snapshot.Read(file);
        Snapshot.ShouldHold(
            file, HttpShape.Lines(system.Api), (key, before, after) => HttpShape.Broken(key, before, after, recorded),
            "dotnet test tests/Attack.Tests --filter HttpContractTests");
    }

    [Theory]
    [InlineData("GET /x answer.name", "string", null, true)]
    [InlineData("GET /x answer.name", "string", "integer", true)]
    [InlineData("GET /x answer.name", "string", "string?", true)]
    [InlineData("GET /x answer.kind = resale", "known", null, true)]
    [InlineData("GET /x answer.kind = bundle", null, "known", false)]
    [InlineData("GET /x answer.more", null, "string, required", false)]
    [InlineData("GET /x", "with a token", null, true)]
    [InlineData("GET /new", null, "with a token", false)]
    [InlineData("GET /x query limit", "integer int32", null, true)]
    [InlineData("GET /x query since", null, "string date-time, required", true)]
    [InlineData("GET /new query since", null, "string date-time, required", false)]
    [InlineData("POST /x request.note", null, "string, required", true)]
    [InlineData("POST /x request.note", null, "string?", false)]
    [InlineData("POST /x request.name", "string, required", "string", false)]
    [InlineData("POST /x request.name", "string", "string?", false)]
    [InlineData("POST /x request.name", "string", "string, required", true)]
    [InlineData("POST /x request.name", "string?", "string", true)]
    public void What_breaks_callers_is_told_from_what_does_not(string key, string? before, string? after, bool breaks) =>
        (HttpShape.Broken(key, before, after, new Dictionary<string, string> { ["GET /x"] = "", ["POST /x"] = "", ["POST /x request"] = "" }) is not null).ShouldBe(breaks);
}
