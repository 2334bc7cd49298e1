namespace OpsPlatform.System.Tests;

/// <summary>An auditor who has a key of the organisation and the keys of the service, and else nothing.</summary>
[Collection(nameof(SystemCollection))]
public sealed class AuditTests(RunningSystem system)
{
    [Fact]
    public async Task A_timeline_is_verified_through_the_gateway_with_an_api_key_and_the_auditors_own_keys()
    {
        using var owner = await system.Register("Audit");
        using var command = new AuditCommand();
        await owner.Post("/orders/exports", new { from = DateTimeOffset.UnixEpoch, to = DateTimeOffset.UtcNow });
        await Eventually.Is(() => owner.Get("/operations/audit/checkpoints"), x => x.GetProperty("items").GetArrayLength() > 0);
        await File.WriteAllTextAsync(command.Keys, (await owner.Get("/operations/audit/keys")).GetRawText());

        var (code, said) = await command.Run("--url", system.Gateway.ToString(), "--api-key", await Key(owner, "operations:read"), "--keys", command.Keys);
        code.ShouldBe(AuditCommand.Intact, said);
        said.ShouldContain("Good checkpoints: 1,");
        said.ShouldNotContain("warning");

        (code, said) = await command.Run("--url", system.Gateway.ToString(), "--api-key", await Key(owner, "orders:read"));
        code.ShouldBe(AuditCommand.Unchecked, said);
        said.ShouldContain("operations:read");
    }

    private static async Task<string> Key(Organisation owner, string scope) =>
        (await owner.Post("/identity/api-keys", new { name = "Auditor", scopes = new[] { scope } })).GetProperty("key").GetString()!;
}
