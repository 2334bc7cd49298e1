namespace OpsPlatform.Attack.Tests.Fixtures;

internal static class IdentityFixtures
{
    public static FixtureTable Table { get; } = new()
    {
        { "POST /identity/register", world => Call.Post("/identity/register", world.Registration()) },
        { "GET /identity/me", _ => Call.Get("/identity/me") },
        { "POST /identity/login", async world => Call.Post("/identity/login", new { email = (await world.NewMember()).Email, password = World.Password, organisationId = world.Id }) },
        { "POST /identity/refresh", async world => Call.Post("/identity/refresh", new { refreshToken = (await world.NewMember()).RefreshToken }) },
        { "POST /identity/logout", async world => Call.Post("/identity/logout", new { refreshToken = (await world.NewMember()).RefreshToken }) },
        { "POST /identity/switch", world => Call.Post("/identity/switch", new { organisationId = world.Id }) },
        { "GET /identity/organisation", _ => Call.Get("/identity/organisation") },
        { "PUT /identity/organisation", world => Call.Put("/identity/organisation", world.Organisation()) },
        { "GET /identity/members", _ => Call.Get("/identity/members").WithQuery("limit", 5) },
        { "GET /identity/members/{userId}", async world => Call.Get($"/identity/members/{(await world.NewMember()).UserId}") },
        { "PUT /identity/members/{userId}", async world => Call.Put($"/identity/members/{(await world.NewMember()).UserId}", new { role = "staff" }) },
        { "DELETE /identity/members/{userId}", async world => Call.Delete($"/identity/members/{(await world.NewMember()).UserId}") },
        { "GET /identity/invitations", _ => Call.Get("/identity/invitations").WithQuery("limit", 5) },
        { "POST /identity/invitations", world => Call.Post("/identity/invitations", new { email = world.Email(), role = "viewer" }) },
        { "DELETE /identity/invitations/{id}", async world => Call.Delete($"/identity/invitations/{(await world.Invite(world.Email())).Id}") },
        { "POST /identity/join", async world => Call.Post("/identity/join", new { code = await world.InvitationFromElsewhere() }) },
        { "GET /identity/audit", _ => Call.Get("/identity/audit").WithQuery("limit", 5) },
        { "GET /identity/audit/mine", _ => Call.Get("/identity/audit/mine").WithQuery("limit", 5) },
        { "GET /identity/export/organisation", _ => Call.Get("/identity/export/organisation") },
        { "GET /identity/export/members", _ => Call.Get("/identity/export/members") },
        { "GET /identity/sessions", _ => Call.Get("/identity/sessions").WithQuery("limit", 5) },
        { "DELETE /identity/sessions/{id}", async world => Call.Delete($"/identity/sessions/{await world.OtherSession()}") },
        { "POST /identity/sessions/revoke-others", _ => Call.Post("/identity/sessions/revoke-others") },
        { "GET /identity/api-keys", _ => Call.Get("/identity/api-keys").WithQuery("limit", 5) },
        { "POST /identity/api-keys", world => Call.Post("/identity/api-keys", new { name = world.Name("till"), scopes = new[] { "orders:read" } }) },
        { "DELETE /identity/api-keys/{id}", async world => Call.Delete($"/identity/api-keys/{await world.ApiKey()}") },
        { "GET /identity/.well-known/jwks.json", _ => Call.Get("/identity/.well-known/jwks.json") },
        { "GET /identity/.well-known/openid-configuration", _ => Call.Get("/identity/.well-known/openid-configuration") },
    };
}
