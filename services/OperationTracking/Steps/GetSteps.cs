using System.Security.Claims;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Steps;

/// <summary>The steps of an operation with their parts, what share of the whole each is, and how far it is.</summary>
internal static class GetSteps
{
    public record Response(IReadOnlyList<StepView> Items);

    public static async Task<Results<Ok<Response>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, OperationsDb db, OperationReader reader, CancellationToken cancel)
    {
        if (await reader.RowOnceKnown(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (!Viewer.Of(user).Sees(row))
        {
            return Problems.NotYours();
        }

        // Apart from the operation's other columns, which lists read.
        var tree = await db.Database.SqlQuery<string?>($"SELECT step_tree::text AS \"Value\" FROM operations WHERE org_id = (SELECT current_org()) AND id = {id}").SingleOrDefaultAsync(cancel);
        var steps = JsonSerializer.Deserialize<OperationStep[]>(tree ?? row.Steps, Json.Options)!;
        return TypedResults.Ok(new Response(StepView.Of(steps, reader.Progress(row))));
    }
}
