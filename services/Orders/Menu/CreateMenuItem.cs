using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Menu;

/// <summary>Adds something that can be ordered.</summary>
internal static class CreateMenuItem
{
    public sealed record Request(
        [Required, StringLength(MenuItemRules.MaxCodeLength)] string Code,
        [Required, StringLength(MenuItemRules.MaxNameLength)] string Name,
        MenuKind Kind,
        [Range(0, long.MaxValue)] long PriceMinor,
        [RegularExpression(MenuItemRules.CurrencyPattern)] string Currency,
        TaxClass TaxClass,
        Guid? TargetId = null,
        decimal PiecesPerSale = 1,
        Guid? Id = null) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
            MenuItemRules.Check(Kind, TargetId, PiecesPerSale);

        internal MenuItemContent Content() =>
            new(Code.Trim(), Name.Trim(), Kind, TargetId, PiecesPerSale, PriceMinor, Currency, TaxClass);
    }

    public static async Task<Results<Created<MenuItemView>, Ok<MenuItemView>, ProblemHttpResult>> Handle(
        Request request, OrdersDb db, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        var content = request.Content();
        if (request.Id is { } chosen && await db.MenuItems.AsNoTracking().FirstOrDefaultAsync(x => x.Id == chosen, cancel) is { } stored)
        {
            return Repeated(stored, content);
        }

        var item = new MenuItem
        {
            OrgId = caller.Org,
            Id = request.Id ?? Guid.CreateVersion7(time.GetUtcNow()),
            Code = content.Code,
            Name = content.Name,
            Kind = content.Kind,
            TargetId = content.TargetId,
            PiecesPerSale = content.PiecesPerSale,
            PriceMinor = content.PriceMinor,
            Currency = content.Currency,
            TaxClass = content.TaxClass,
        };
        db.Add(item);
        try
        {
            await db.SaveChangesAsync(cancel);
        }
        catch (DbUpdateException taken) when (taken.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            // Two requests with one id may break either constraint first, so the id is looked up before the code is blamed.
            return await db.MenuItems.AsNoTracking().FirstOrDefaultAsync(x => x.Id == item.Id, cancel) is { } first
                ? Repeated(first, content)
                : Problems.CodeTaken(content.Code);
        }

        return TypedResults.Created($"/menu/{item.Id}", MenuItemView.Of(item));
    }

    private static Results<Created<MenuItemView>, Ok<MenuItemView>, ProblemHttpResult> Repeated(MenuItem stored, MenuItemContent content) =>
        stored.Content() == content ? TypedResults.Ok(MenuItemView.Of(stored)) : Problems.IdTaken(stored.Id);
}
