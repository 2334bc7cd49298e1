using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Approvals;

internal static class ApprovalEndpoints
{
    private const string MemberOrService = "member-or-service";

    public static void AddApprovals(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ApprovalOptions>().BindConfiguration(ApprovalOptions.Section);
        builder.Services.AddSingleton<MemberDirectory>();
        builder.Services.AddSingleton<ApprovalSignal>();
        builder.Services.AddScoped<Approving>().AddScoped<Replanning>().AddScoped<ApprovalReader>().AddScoped<LookAtApproval>();
        builder.Services.AddHostedService<LookAfterApprovals>();
        builder.Services.AddAuthorizationBuilder().AddPolicy(MemberOrService, policy => policy.RequireAuthenticatedUser().RequireClaim(Tokens.OrgClaim)
            .RequireRole([.. Roles.Ranked, Roles.Service]));
    }

    public static void MapApprovals(this WebApplication app)
    {
        var operations = app.MapApi("/operations").WithTags("approvals");
        operations.MapGet("/approvals", ListApprovals.Handle);
        operations.MapGet("/{id:guid}/approval", GetApproval.Handle).ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        operations.MapPost("/{id:guid}/votes", CastVote.Handle).ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        app.MapApi("/operations", MemberOrService).WithTags("approvals").MapPost("/policies/check", CheckPolicy.Handle);
    }
}
