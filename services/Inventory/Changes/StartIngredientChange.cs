using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Changes;

/// <summary>
/// Changes the reorder point or the unit cost of many ingredients, found by code: a line that cannot be done is noted with the reason and holds up no other.
/// Operation-Location says where to follow it, and it can be undone; with validateOnly nothing is stored, and the answer says what would be done.
/// </summary>
internal static class StartIngredientChange
{
    public const string UnknownCode = "No ingredient has this code.";
    public const int MaxLines = 10_000;
    private const int MaxRefusals = 200;

    /// <param name="Note">Why.</param>
    public sealed record Request(
        [property: MinLength(1), MaxLength(MaxLines)] IReadOnlyList<Line> Lines,
        [property: StringLength(500)] string? Note = null,
        bool ValidateOnly = false);

    /// <param name="Code">The ingredient's.</param>
    /// <param name="ReorderPoint">In the ingredient's unit; left out it stays as it is.</param>
    /// <param name="UnitCostMinor">Minor currency units per unit, decimals allowed; left out it stays as it is.</param>
    public sealed record Line(
        [property: StringLength(64, MinimumLength = 1)] string Code,
        [property: Quantity] decimal? ReorderPoint = null,
        [property: Quantity] decimal? UnitCostMinor = null) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (ReorderPoint is null && UnitCostMinor is null)
            {
                yield return new("reorderPoint or unitCostMinor must be given.", [nameof(ReorderPoint)]);
            }
        }
    }

    /// <param name="LinesHref">What became of each line.</param>
    public sealed record Response(Guid OperationId, int Total, string LinesHref);

    /// <param name="Done">Lines that would be done.</param>
    /// <param name="Refused">Lines that would not be.</param>
    /// <param name="Refusals">The first 200 of them.</param>
    public sealed record ChangePreview(int Done, int Refused, IReadOnlyList<ChangeRefusal> Refusals);

    public sealed record ChangeRefusal(int LineNo, string Code, string Error);

    public static async Task<Results<Accepted<Response>, Ok<ChangePreview>>> Handle(
        Request request, InventoryDb db, Operations operations, Caller caller, TimeProvider time, HttpContext http, CancellationToken cancel)
    {
        if (request.ValidateOnly)
        {
            return TypedResults.Ok(await Preview(request, db, cancel));
        }

        var id = Guid.CreateVersion7(time.GetUtcNow());
        db.AddRange(request.Lines.Select((line, index) => new IngredientChange
        {
            OrgId = caller.Org,
            OperationId = id,
            LineNo = index + 1,
            Code = line.Code,
            ReorderPoint = line.ReorderPoint,
            UnitCostMinor = line.UnitCostMinor,
        }));
        operations.Add<ChangeIngredients, ChangeArgs>(
            id, new(request.Lines.Count), new($"Change of {request.Lines.Count} ingredients", Context: new { request.Note, Total = request.Lines.Count }, Tags: ["ingredients"]));
        await db.SaveChangesAsync(cancel);
        operations.Wake();
        Operations.Point(http, id);
        return TypedResults.Accepted($"/operations/{id}", new Response(id, request.Lines.Count, ChangeIngredients.LinesHref(id)));
    }

    private static async Task<ChangePreview> Preview(Request request, InventoryDb db, CancellationToken cancel)
    {
        var codes = request.Lines.Select(line => line.Code).Distinct().ToArray();
        var known = await db.Ingredients.Where(x => codes.Contains(x.Code)).Select(x => x.Code).ToHashSetAsync(cancel);
        var refused = request.Lines.Select((line, index) => new ChangeRefusal(index + 1, line.Code, UnknownCode)).Where(line => !known.Contains(line.Code)).ToArray();
        return new(request.Lines.Count - refused.Length, refused.Length, [.. refused.Take(MaxRefusals)]);
    }
}
